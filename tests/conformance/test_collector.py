"""The real OpenTelemetry Collector receives from Telegen; what its file exporter writes is compared with nginx's log.

Its receiver is strict where ours might share a mistake with the encoder, and its JSON is somebody else's view of our bytes.
"""

import json
import os
import re
import time
import urllib.request
from collections import Counter
from datetime import datetime

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service_grpc

from testkit.clients import Curl
from testkit.collector import Collector, plain_attributes
from testkit.ports import free_port
from testkit.scope import wait_until
from testkit.servers import Nginx
from testkit.truth import compare_server, match_up

PATHS = ["/return", "/return?a=1&b=2", "/items/77", "/status/404", "/status/503", "/missing?x=%C3%A9"]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_collector_understands(scope, agent, authority, protocol, compression, tls):
    if (protocol, compression) == ("grpc", "zstd"):
        pytest.skip("telegen sends zstd over HTTP only")
    collector = Collector(scope, authority.issue("collector") if tls else None)
    nginx = Nginx(scope)
    port = collector.ports[protocol]
    endpoint = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    agent(endpoint=endpoint, config={"otlp": {
        "protocol": protocol, "compression": compression,
        "tls": {"enabled": True, "ca_file": str(authority.certificate)} if tls else {}}})
    Curl(scope, leaf="clients").get(*[nginx.url + path for path in PATHS])
    wait_until(lambda: len(collector.spans()) >= len(PATHS), 15, f"{len(PATHS)} spans in the collector's file")
    time.sleep(0.5)
    for span, truth in match_up(collector.spans(), nginx.truths()):
        compare_server(span, truth)
    said = collector.process.output(100_000)
    assert said.count("Kind           : Server") == len(PATHS), f"the debug exporter disagrees:\n{said}"
    # The fixture knocks on the TLS port and goes away, to see that it listens: that alone may be complained of.
    errors = [line for line in said.splitlines() if "\terror\t" in line and not re.search("TLS handshake error.*: EOF", line)]
    assert not errors, f"the collector logged errors:\n{errors}"


def test_the_collector_understands_the_agents_own_metrics(scope, agent):
    """What /metrics says and what comes over OTLP is the same, by the same names."""
    collector = Collector(scope)
    nginx = Nginx(scope)
    running = agent(endpoint=collector.endpoint, config={"self_telemetry": {"export": True},
                                                         "otlp": {"metrics": {"interval": "500ms"}}})
    Curl(scope, leaf="clients").get(nginx.url + "/return")

    def exported():
        return [(attributes, metric["sum"]) for attributes, metric in collector.metrics()
                if metric["name"] == "telegen_pipeline_exported_total"
                and any(point.get("asInt") == "1" and {"key": "signal", "value": {"stringValue": "traces"}} in point["attributes"]
                        for point in metric["sum"]["dataPoints"])]

    attributes, sums = wait_until(exported, 15, "the exported span in the agent's own metrics")[-1]
    assert sums["isMonotonic"] and sums["aggregationTemporality"] == 2, "cumulative"
    starts = {point["startTimeUnixNano"] for point in sums["dataPoints"]}
    assert len(starts) == 1 and 0 < time.time_ns() - int(starts.pop()) < 60e9, "since the worker's start"
    assert attributes["service.name"] == "telegen" and attributes["host.name"]
    names = {metric["name"] for _, metric in collector.metrics()}
    assert {sample.name for sample in running.samples() if not sample.name.endswith(("_bucket", "_sum", "_count"))} <= names


@pytest.mark.parametrize("kind", ["histogram", "exponentialHistogram"])
def test_the_collector_understands_the_metrics_of_spans(scope, agent, kind):
    """Counts by status are nginx's; every exemplar names a span that the collector has, with its duration."""
    collector = Collector(scope)
    nginx = Nginx(scope)
    histogram = "explicit" if kind == "histogram" else "exponential"
    agent(endpoint=collector.endpoint, config={"pipeline": {"metrics": {"enabled": True}},
                                               "otlp": {"metrics": {"interval": "500ms", "histogram": histogram}}})
    Curl(scope, leaf="clients").get(*[nginx.url + path for path in PATHS])

    def points():
        """The last of each series."""
        found = {}
        for resource, metric in collector.metrics():
            if metric["name"] == "http.server.request.duration":
                assert metric["unit"] == "s" and metric[kind]["aggregationTemporality"] == 2 and resource["service.name"] == "nginx"
                found.update({str(sorted(plain_attributes(p).items())): p for p in metric[kind]["dataPoints"]})
        return list(found.values())

    def counts():
        statuses = Counter()
        for point in points():
            statuses[int(plain_attributes(point)["http.response.status_code"])] += int(point["count"])
        return statuses

    wait_until(lambda: counts().total() >= len(PATHS), 15, "all requests in the collector's file")
    assert counts() == Counter(truth.status for truth in nginx.truths())
    wait_until(lambda: len(collector.spans()) == len(PATHS), 15, "the spans")
    took = {(span.trace_id, span.span_id): span.duration for span in collector.spans()}
    exemplars = [exemplar for _, metric in collector.metrics() if metric["name"] == "http.server.request.duration"
                 for point in metric[kind]["dataPoints"] for exemplar in point.get("exemplars", ())]
    assert exemplars
    for exemplar in exemplars:
        assert exemplar["asDouble"] == pytest.approx(took[exemplar["traceId"], exemplar["spanId"]], abs=1e-9)


def test_the_collector_understands_the_agents_own_log_lines(scope, agent):
    """What the worker writes to standard error and what comes over OTLP is the same: all of it, in the same order."""
    collector = Collector(scope)
    nobody = f"127.0.0.1:{free_port()}"
    running = agent(endpoint=collector.endpoint, config={
        "telegen": {"log_format": "json"}, "self_telemetry": {"export": True},
        "otlp": {"logs": {"batch_timeout": "200ms"},
                 "destinations": [{"name": "away", "endpoint": nobody, "signals": ["logs"]}]}})

    def lines():
        said = [json.loads(line) for line in running.process.output(100_000).splitlines() if line.startswith("{")]
        return [line for line in said if line["process"] == "worker"]

    def complaint():
        return [record for _, record in collector.logs() if f"connect {nobody}: " in record["body"]["stringValue"]]

    warning, = wait_until(complaint, 15, "the line that a receiver is away")
    assert warning["severityNumber"] == 13, "a warning"
    wait_until(lambda: len(collector.logs()) >= len(lines()), 15, "every line in the collector's file")
    worker, written, received = running.worker_pid(), lines(), collector.logs()
    assert len(received) == len(written) >= 2, f"written: {written}\nreceived: {received}"
    for (attributes, record), line in zip(received, written):
        milliseconds = int(datetime.fromisoformat(line["time"].replace("Z", "+00:00")).timestamp() * 1000 + 0.5)
        assert int(record["timeUnixNano"]) // 1_000_000 == milliseconds
        assert record["observedTimeUnixNano"] == record["timeUnixNano"]
        assert (record["severityText"], record["severityNumber"]) == (line["level"], {"info": 9, "warning": 13}[line["level"]])
        assert record["body"] == {"stringValue": line["message"]}
        assert plain_attributes(record) == {"telegen.process": "worker"}
        assert line["pid"] == worker and attributes["process.pid"] == str(worker)
        assert attributes["service.name"] == "telegen" and attributes["host.name"]
    accounts = running.accounts("logs")
    assert (accounts["received"], accounts["dropped"].total()) == (len(written), 0)
    assert accounts["destinations"]["otlp"]["exported"] == len(written)
    assert accounts["destinations"]["away"]["held"] == len(written), "what the one that is away has not got"


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_stand_in_proves_the_comparison(scope, protocol):
    """Without the agent: the official client's own request must come out of the collector as it went in."""
    collector = Collector(scope)
    request = service.ExportTraceServiceRequest()
    resource = request.resource_spans.add(schema_url="https://opentelemetry.io/schemas/1.44.0")
    resource.resource.attributes.add(key="service.name").value.string_value = "stand-in"
    inner = resource.scope_spans.add()
    inner.scope.name, inner.scope.version = "telegen", "0"
    sent = inner.spans.add(trace_id=os.urandom(16), span_id=os.urandom(8), name="GET", kind=2, flags=0x101,
                           start_time_unix_nano=time.time_ns(), end_time_unix_nano=time.time_ns() + 5)
    sent.attributes.add(key="http.response.status_code").value.int_value = 200
    where = f"127.0.0.1:{collector.ports[protocol]}"
    if protocol == "grpc":
        with grpc.insecure_channel(where) as channel:
            service_grpc.TraceServiceStub(channel).Export(request, timeout=5)
    else:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(urllib.request.Request(f"http://{where}/v1/traces", request.SerializeToString(),
                                           {"Content-Type": "application/x-protobuf"}), timeout=5).close()
    span, = wait_until(collector.spans, 10, "the span in the collector's file")
    assert (span.trace_id, span.span_id) == (sent.trace_id.hex(), sent.span_id.hex())
    assert (span.start, span.end, span.flags) == (sent.start_time_unix_nano, sent.end_time_unix_nano, 0x101)
    assert span.attributes == {"http.response.status_code": 200} and span.service == "stand-in"
