"""The real OpenTelemetry Collector, built by scripts/conformance, as a receiver that writes what it took into a file."""

import base64
import json

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service

from . import BUILD
from .ports import free_ports, wait_for_listener
from .spans import Decoder

COLLECTOR = BUILD / "conformance" / "otelcol"


class Collector:
    """Listens on `host`; `run` is put before its command line (a network namespace, for instance)."""

    def __init__(self, scope, tls=None, host="127.0.0.1", run=(), debug=True):
        self.scope, self.host, self.run = scope, host, list(run)
        grpc, http = free_ports(2)
        self.ports = {"grpc": grpc, "http": http}
        self.output = scope.directory / f"collector-{grpc}.jsonl"
        protocols = {}
        for name, port in self.ports.items():
            protocols[name] = {"endpoint": f"{host}:{port}"}
            if tls:
                protocols[name]["tls"] = {"cert_file": str(tls.certificate), "key_file": str(tls.key),
                                          "reload_interval": "1s"}
        exporters = {"file": {"path": str(self.output), "append": True, "flush_interval": "100ms"}}
        self.outputs = {signal: scope.directory / f"collector-{grpc}-{signal}.jsonl" for signal in ("metrics", "logs")}
        others = {f"file/{signal}": {"path": str(path), "append": True, "flush_interval": "100ms"}
                  for signal, path in self.outputs.items()}
        if debug:
            exporters["debug"] = {"verbosity": "detailed"}
        self.config = scope.directory / f"collector-{grpc}.yaml"
        self.config.write_text(json.dumps({
            "receivers": {"otlp": {"protocols": protocols}},
            "exporters": {**exporters, **others},
            "service": {"telemetry": {"metrics": {"level": "none"}},
                        "pipelines": {"traces": {"receivers": ["otlp"], "exporters": list(exporters)},
                                      **{signal: {"receivers": ["otlp"], "exporters": [f"file/{signal}"]}
                                         for signal in self.outputs}}}}))
        self.process = None
        self.start()

    @property
    def endpoint(self):
        return f"{self.host}:{self.ports['grpc']}"

    def start(self):
        """Again on the same ports; what it writes goes on in the same file."""
        self.process = self.scope.start([*self.run, COLLECTOR, "--config", self.config], name="otelcol", leaf="clients")
        if not self.run:
            for port in self.ports.values():
                wait_for_listener((self.host, port), self.process)

    def stop(self):
        self.process.stop()

    def spans(self):
        """What the file exporter wrote, through the same rules as everything our receiver takes."""
        problems, spans = [], []
        decoder = Decoder(problems)
        for line in self.output.read_text().splitlines() if self.output.exists() else []:
            request = json_format.ParseDict(_base64_ids(json.loads(line)), service.ExportTraceServiceRequest())
            spans += decoder.decode(request)
        assert not problems, problems
        return spans

    def paths(self):
        """url.path of every span in the order in which they were written, read quickly."""
        found = []
        for line in self.output.read_text().splitlines() if self.output.exists() else []:
            try:
                request = json.loads(line)
            except ValueError:  # the end of the file, half written
                break
            for resource in request.get("resourceSpans", []):
                for scope in resource.get("scopeSpans", []):
                    for span in scope.get("spans", []):
                        found += [a["value"]["stringValue"] for a in span["attributes"] if a["key"] == "url.path"]
        return found

    def metrics(self):
        """[(resource attributes, metric)] of everything that the metrics exporter wrote, as OTLP/JSON has it."""
        return self._items("metrics", "resourceMetrics", "scopeMetrics", "metrics")

    def logs(self):
        """[(resource attributes, log record)] of everything that the logs exporter wrote, as OTLP/JSON has it."""
        return self._items("logs", "resourceLogs", "scopeLogs", "logRecords")

    def _items(self, signal, resources, scopes, items):
        found = []
        output = self.outputs[signal]
        for line in output.read_text().splitlines(keepends=True) if output.exists() else []:
            if not line.endswith("\n"):  # half written
                break
            for resource in json.loads(line)[resources]:
                attributes = plain_attributes(resource["resource"])
                found += [(attributes, item) for scope in resource[scopes] for item in scope[items]]
        return found


def plain_attributes(holder):
    """{key: value} of what has attributes, a value as JSON has it: integers are texts."""
    return {attribute["key"]: next(iter(attribute["value"].values())) for attribute in holder["attributes"]}


def _base64_ids(value):
    """OTLP/JSON writes ids in hex; protobuf's own JSON mapping wants base64."""
    if isinstance(value, dict):
        return {k: base64.b64encode(bytes.fromhex(v)).decode() if k in ("traceId", "spanId", "parentSpanId")
                else _base64_ids(v) for k, v in value.items()}
    return [_base64_ids(v) for v in value] if isinstance(value, list) else value
