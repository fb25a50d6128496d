"""The real OpenTelemetry Collector receives from Telegen; what its file exporter writes is compared with nginx's log.

Its receiver is strict where ours might share a mistake with the encoder, and its JSON is somebody else's view of our bytes.
"""

import base64
import json
import os
import re
import time
import urllib.request

import grpc
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service_grpc

from testkit import BUILD
from testkit.clients import Curl
from testkit.ports import free_ports, wait_for_listener
from testkit.scope import wait_until
from testkit.servers import Nginx
from testkit.spans import Decoder
from testkit.truth import compare_server, match_up

COLLECTOR = BUILD / "conformance" / "otelcol"
PATHS = ["/return", "/return?a=1&b=2", "/items/77", "/status/404", "/status/503", "/missing?x=%C3%A9"]


class Collector:
    def __init__(self, scope, tls=None):
        grpc, http = free_ports(2)
        self.ports = {"grpc": grpc, "http": http}
        self.output = scope.directory / "collector.jsonl"
        protocols = {}
        for name, port in self.ports.items():
            protocols[name] = {"endpoint": f"127.0.0.1:{port}"}
            if tls:
                protocols[name]["tls"] = {"cert_file": str(tls.certificate), "key_file": str(tls.key)}
        config = scope.directory / "collector.yaml"
        config.write_text(json.dumps({
            "receivers": {"otlp": {"protocols": protocols}},
            "exporters": {"file": {"path": str(self.output), "flush_interval": "100ms"}, "debug": {"verbosity": "detailed"}},
            "service": {"telemetry": {"metrics": {"level": "none"}},
                        "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["file", "debug"]}}}}))
        self.process = scope.start([COLLECTOR, "--config", config], name="otelcol", leaf="clients")
        for port in self.ports.values():
            wait_for_listener(("127.0.0.1", port), self.process)

    def spans(self):
        """What the file exporter wrote, through the same rules as everything our receiver takes."""
        problems, spans = [], []
        decoder = Decoder(problems)
        for line in self.output.read_text().splitlines() if self.output.exists() else []:
            request = json_format.ParseDict(_base64_ids(json.loads(line)), service.ExportTraceServiceRequest())
            spans += decoder.decode(request)
        assert not problems, problems
        return spans


def _base64_ids(value):
    """OTLP/JSON writes ids in hex; protobuf's own JSON mapping wants base64."""
    if isinstance(value, dict):
        return {k: base64.b64encode(bytes.fromhex(v)).decode() if k in ("traceId", "spanId", "parentSpanId")
                else _base64_ids(v) for k, v in value.items()}
    return [_base64_ids(v) for v in value] if isinstance(value, list) else value


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
