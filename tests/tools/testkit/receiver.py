"""An OTLP receiver on the official definitions: gRPC and HTTP, gzip and zstd, TLS and mutual TLS, and faults on demand.

It shares no code with the agent's encoder. What breaks a rule is kept in `problems`; check() raises with all of them.
"""

import gzip
import http.server
import json
import threading
import time
from collections import Counter
from concurrent import futures
from dataclasses import dataclass, field

import grpc
import zstandard
from google.protobuf import any_pb2, duration_pb2  # noqa: F401  (the well-known types register themselves)
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_service
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_service_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service_grpc

from .metrics import MetricDecoder
from .pace import longer
from .scope import wait_until
from .spans import SERVER, Decoder

MAX_REQUEST = 4 * 1024 * 1024  # what servers commonly cap at, uncompressed


@dataclass
class Faults:
    """What goes wrong with spans, in order: each rejection is used up by one request, then requests are accepted."""

    reject: list = field(default_factory=list)  # gRPC: (code, message); HTTP: (status, headers)
    delay: float = 0.0                          # seconds before each answer
    partial: tuple = ()                         # (rejected spans, message), once


@dataclass
class Arrival:
    """One request as it came."""

    protocol: str
    path: str
    headers: dict
    size: int  # uncompressed
    spans: int
    accepted: bool
    at: float = field(default_factory=time.time)


class Receiver:
    """protocol 'grpc' or 'http'; `tls` is a certificates.Pair of the server, `client_ca` turns on mutual TLS.

    `counting`: keeps up with tens of thousands of spans a second by looking only at ids, kind and url.query."""

    def __init__(self, protocol="grpc", tls=None, client_ca=None, faults=None, counting=False):
        self.protocol, self.tls, self.counting = protocol, tls, counting
        self.faults = faults or Faults()
        self.problems, self.arrivals = [], []
        self.queries = Counter()  # of server spans, counting only
        self._ids = set()
        self._spans = []
        self._lock = threading.Lock()
        self._decoder = Decoder(self.problems)
        self._points = []
        self._metric_decoder = MetricDecoder(self.problems)
        self._start_grpc(client_ca) if protocol == "grpc" else self._start_http(client_ca)

    @property
    def endpoint(self):
        if self.protocol == "grpc":
            return f"localhost:{self.port}" if self.tls else f"127.0.0.1:{self.port}"
        return f"https://localhost:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"

    # What tests ask.

    def spans(self, **wanted):
        """Accepted spans whose fields have these values: spans(kind=SERVER, service='nginx')."""
        with self._lock:
            return [s for s in self._spans if all(getattr(s, key) == value for key, value in wanted.items())]

    def points(self, **wanted):
        """Points of histograms whose fields have these values, in the order in which they came."""
        with self._lock:
            return [p for p in self._points if all(getattr(p, key) == value for key, value in wanted.items())]

    def wait_for(self, count, timeout=15, settle=0.5, **wanted):
        """Waits for `count` spans, then a little longer, so that one too many is seen too; returns what there is."""
        try:
            wait_until(lambda: len(self.spans(**wanted)) >= count, timeout, "spans")
        except TimeoutError:
            have = [f"{s.service} {s.kind} {s.name} {s.attributes.get('url.path')}" for s in self.spans()]
            raise AssertionError(f"{len(self.spans(**wanted))} of {count} spans {wanted} after {timeout} s; all that came "
                                 f"({len(have)}): {have[:40]}; problems: {self.problems[:10]}") from None
        time.sleep(settle)
        return self.spans(**wanted)

    def wait_quiet(self, quiet=1.5, timeout=60, **wanted):
        """Waits until no span has come for `quiet` seconds; returns all there are."""
        deadline, quiet = time.monotonic() + longer(timeout), longer(quiet)
        count, since = len(self.spans()), time.monotonic()
        while time.monotonic() - since < quiet:
            if time.monotonic() > deadline:
                raise AssertionError(f"spans still arrive after {timeout} s")
            time.sleep(0.05)
            if len(self.spans()) != count:
                count, since = len(self.spans()), time.monotonic()
        return self.spans(**wanted)

    def wait_count(self, count, timeout=90, settle=1.5):
        """Counting: waits for `count` server spans, at most `timeout` seconds; returns how many there are a little later."""
        try:
            wait_until(lambda: self.queries.total() >= count, timeout, "spans", interval=0.1)
        except TimeoutError:
            pass
        return self.wait_steady(settle)

    def wait_steady(self, quiet=1.5, timeout=60):
        """Counting: waits until nothing has come for `quiet` seconds; returns how many server spans there are."""
        deadline, quiet, count, since = time.monotonic() + longer(timeout), longer(quiet), -1, time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - since < quiet:
            if self.queries.total() != count:
                count, since = self.queries.total(), time.monotonic()
            time.sleep(0.05)
        return count

    def clear(self):
        with self._lock:
            self._spans.clear()
            self.arrivals.clear()

    def check(self):
        if self.problems:
            shown = "\n  ".join(self.problems[:30])
            raise AssertionError(f"{len(self.problems)} broken rules in what the agent exported:\n  {shown}")

    def close(self):
        self._stop()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close()
        if kind is None:
            self.check()

    # What both transports share.

    def _count(self, request):
        for span in (s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans):
            identity = span.trace_id + span.span_id
            if identity in self._ids or len(identity) != 24:
                self.problems.append(f"ids {identity.hex()} come twice or have a wrong size")
            self._ids.add(identity)
            if span.kind == SERVER:
                query = next((a.value.string_value for a in span.attributes if a.key == "url.query"), "")
                self.queries[query] += 1

    def _take(self, request, path, headers, rejected):
        if self.counting:
            with self._lock:
                return self._count(request)
        spans = self._decoder.decode(request)
        size = request.ByteSize()
        if size > MAX_REQUEST:
            self.problems.append(f"a request of {size} bytes")
        with self._lock:
            self.arrivals.append(Arrival(self.protocol, path, headers, size, len(spans), not rejected))
            if not rejected:
                self._spans.extend(spans)
            else:  # they will come again, and are then not duplicates
                for span in spans:
                    self._decoder._seen.discard((bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)))

    def _take_metrics(self, request):
        if self.counting:
            return
        points = self._metric_decoder.decode(request)
        if request.ByteSize() > MAX_REQUEST:
            self.problems.append(f"a request of {request.ByteSize()} bytes")
        with self._lock:
            self._points.extend(points)

    def _fault(self):
        if self.faults.delay:
            time.sleep(self.faults.delay)
        with self._lock:
            return self.faults.reject.pop(0) if self.faults.reject else None

    def _response(self):
        response = service.ExportTraceServiceResponse()
        with self._lock:
            partial, self.faults.partial = self.faults.partial, ()
        if partial:
            response.partial_success.rejected_spans, response.partial_success.error_message = partial
        return response

    # gRPC

    def _start_grpc(self, client_ca):
        receiver = self

        class Service(service_grpc.TraceServiceServicer):
            def Export(self, request, context):  # noqa: N802  (the name is the definition's)
                fault = receiver._fault()
                headers = {key: value for key, value in context.invocation_metadata()}
                receiver._take(request, "/opentelemetry.proto.collector.trace.v1.TraceService/Export", headers, bool(fault))
                if fault:
                    code, message, *trailers = fault
                    if trailers:
                        context.set_trailing_metadata(trailers[0])
                    context.abort(code, message)
                return receiver._response()

        class Metrics(metrics_service_grpc.MetricsServiceServicer):
            def Export(self, request, context):  # noqa: N802
                receiver._take_metrics(request)
                return metrics_service.ExportMetricsServiceResponse()

        self._server = grpc.server(futures.ThreadPoolExecutor(4), options=[
            ("grpc.max_receive_message_length", 64 * 1024 * 1024), ("grpc.so_reuseport", 0)])
        service_grpc.add_TraceServiceServicer_to_server(Service(), self._server)
        metrics_service_grpc.add_MetricsServiceServicer_to_server(Metrics(), self._server)
        if self.tls:
            credentials = grpc.ssl_server_credentials(
                [(self.tls.key.read_bytes(), self.tls.certificate.read_bytes())],
                root_certificates=client_ca.read_bytes() if client_ca else None,
                require_client_auth=client_ca is not None)
            self.port = self._server.add_secure_port("127.0.0.1:0", credentials)
        else:
            self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        self._stop = lambda: self._server.stop(0.2).wait()

    # HTTP

    def _start_http(self, client_ca):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):  # noqa: N802
                receiver._post(self)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if self.tls:
            self._server.socket = self.tls.server_context(client_ca).wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()

        def stop():
            self._server.shutdown()
            self._server.server_close()
            thread.join(5)

        self._stop = stop

    def _post(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        metrics = handler.path == "/v1/metrics"
        fault = None if metrics else self._fault()
        encoding = handler.headers.get("Content-Encoding", "identity")
        kind = handler.headers.get("Content-Type")
        if handler.path not in ("/v1/traces", "/v1/metrics"):
            self.problems.append(f"POST {handler.path}")
        if kind != "application/x-protobuf":
            self.problems.append(f"Content-Type {kind}")
        try:
            plain = _inflate(body, encoding)
            kind_of_request = (metrics_service.ExportMetricsServiceRequest if metrics
                               else service.ExportTraceServiceRequest)
            request = kind_of_request.FromString(plain)
        except (ValueError, OSError, zstandard.ZstdError, DecodeError) as error:
            self.problems.append(f"a body that cannot be decoded ({encoding}): {error}")
            return _answer(handler, 400, b"", {})
        if metrics:
            self._take_metrics(request)
            return _answer(handler, 200, b"", {"Content-Type": "application/x-protobuf"})
        self._take(request, handler.path, {k.lower(): v for k, v in handler.headers.items()}, bool(fault))
        if fault:
            return _answer(handler, fault[0], json.dumps({"message": "fault"}).encode(), fault[1])
        return _answer(handler, 200, self._response().SerializeToString(), {"Content-Type": "application/x-protobuf"})


def _inflate(body, encoding):
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    if encoding == "identity":
        return body
    raise ValueError(f"Content-Encoding {encoding}")


def _answer(handler, status, body, headers):
    handler.send_response(status)
    for key, value in headers.items():
        handler.send_header(key, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
