import socket
import ssl
import struct
import threading
import time
from email.utils import formatdate

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb

ALL = {"exported": 3, "rejected": 0, "refused": 0, "complaint": "", "retry": False}
BOTH = pytest.mark.parametrize("protocol", ["grpc", "http"])


def check_spans(requests, count=3):
    spans = [s for r in requests for rs in r.resource_spans for ss in rs.scope_spans for s in ss.spans]
    assert [s.start_time_unix_nano for s in spans] == list(range(1, count + 1))
    assert {len(s.attributes) for s in spans} == {14}


# grpcio knows no zstd: test_grpc_zstd_is_framed looks at the bytes instead.
@pytest.mark.parametrize("protocol, compression", [("grpc", "gzip"), ("grpc", "none"), ("http", "gzip"),
                                                   ("http", "zstd"), ("http", "none")])
def test_delivers(probe, grpc_receiver, http_receiver, protocol, compression):
    receiver = grpc_receiver() if protocol == "grpc" else http_receiver()
    out = probe.send(receiver.endpoint, "--protocol", protocol, "--compression", compression, "--header", "x-key=a b")
    assert out == [ALL]
    check_spans(receiver.requests)
    seen = (receiver.metadata if protocol == "grpc" else receiver.headers)[0]
    assert seen["x-key"] == "a b"
    assert seen["user-agent"].startswith("OTel-OTLP-Exporter-telegen/0.0.1")
    if protocol == "http":
        assert receiver.paths == ["/v1/traces"]
        assert seen["content-type"] == "application/x-protobuf"
        assert seen.get("content-encoding", "none") == compression


def test_an_own_endpoint_is_used_as_it_is(probe, http_receiver):
    receiver = http_receiver()
    assert probe.send(f"http://{receiver.endpoint}/own/path", "--own", "--protocol", "http") == [ALL]
    assert probe.send(f"http://{receiver.endpoint}/base", "--protocol", "http") == [ALL]
    assert receiver.paths == ["/own/path", "/base/v1/traces"]


@BOTH
@pytest.mark.parametrize("tls", [False, True])
def test_many_requests_of_one_exporter(probe, grpc_receiver, http_receiver, authority, protocol, tls):
    make = grpc_receiver if protocol == "grpc" else http_receiver
    receiver = make(server_tls(authority, protocol)) if tls else make()
    url = ("https://" if tls else "http://") + receiver.endpoint
    assert probe.send(url, "--protocol", protocol, "--ca", authority.ca_file, "--times", 5) == [ALL] * 5
    assert len(receiver.requests) == 5
    assert len(set(receiver.peers)) == 1


def server_tls(authority, protocol, client_ca=None):
    cert, key = authority.issue("server")
    if protocol == "grpc":
        pair = [(open(key, "rb").read(), open(cert, "rb").read())]
        ca = open(client_ca, "rb").read() if client_ca else None
        return grpc.ssl_server_credentials(pair, ca, require_client_auth=bool(client_ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


@BOTH
def test_tls(probe, grpc_receiver, http_receiver, authority, other_authority, protocol):
    make = grpc_receiver if protocol == "grpc" else http_receiver
    receiver = make(server_tls(authority, protocol))
    args = ["--protocol", protocol]
    assert probe.send(f"https://{receiver.endpoint}", *args, "--ca", authority.ca_file) == [ALL]
    assert probe.send(receiver.endpoint, *args, "--tls", "--ca", authority.ca_file) == [ALL]
    assert probe.send(receiver.endpoint, *args, "--tls", "--insecure") == [ALL]
    before = len(receiver.requests)
    bad = probe.send(f"https://{receiver.endpoint}", *args, "--ca", other_authority.ca_file)[0]
    assert bad["retry"]
    assert "certificate" in bad["reason"] and receiver.endpoint in bad["reason"]
    system = probe.send(f"https://{receiver.endpoint}", *args)[0]
    assert system["retry"]
    assert len(receiver.requests) == before


@BOTH
def test_mutual_tls(probe, grpc_receiver, http_receiver, authority, other_authority, protocol):
    make = grpc_receiver if protocol == "grpc" else http_receiver
    receiver = make(server_tls(authority, protocol, authority.ca_file))
    args = ["--protocol", protocol, "--ca", authority.ca_file]
    cert, key = authority.issue("client")
    assert probe.send(f"https://{receiver.endpoint}", *args, "--cert", cert, "--key", key) == [ALL]
    assert len(receiver.requests) == 1
    cert, key = other_authority.issue("stranger")
    for extra in ([], ["--cert", cert, "--key", key]):
        out = probe.send(f"https://{receiver.endpoint}", *args, *extra)[0]
        assert out["exported"] == 0 and out["retry"]
    assert len(receiver.requests) == 1


def test_tls_files_that_cannot_work_are_named(probe, authority, tmp_path):
    (tmp_path / "empty").write_text("nothing")
    cert, _ = authority.issue("client")
    cases = {
        ("--ca", tmp_path / "none"): f"otlp.tls.ca_file: open {tmp_path}/none: No such file or directory",
        ("--ca", tmp_path / "empty"): f"otlp.tls.ca_file: {tmp_path}/empty is not a PEM file",
        ("--cert", cert): "otlp.tls: cert_file and key_file go together; one of them is missing",
    }
    for args, message in cases.items():
        assert probe.send("https://127.0.0.1:1", *args) == [{"error": message}]


def grpc_failure(code, message="", details=None):
    def answer(request, context):
        if details is not None:
            context.set_trailing_metadata((("grpc-status-details-bin", details.SerializeToString()),))
        context.abort(code, message)

    return answer


def test_grpc_statuses(probe, grpc_receiver):
    receiver = grpc_receiver()
    retried = {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
    for code in grpc.StatusCode:
        if code is grpc.StatusCode.OK:
            continue
        receiver.script = [grpc_failure(code, "why, 100% \u00fc")]
        first, second = probe.send(receiver.endpoint, "--times", 2)
        reason = f"send to {receiver.endpoint}: {code.name}: why, 100% \u00fc"
        if code.name in retried:
            assert (first["retry"], first["reason"], first["exported"]) == (True, reason, 0), code
            assert "after_ms" not in first
        else:
            assert (first["retry"], first["complaint"], first["refused"]) == (False, reason, 3), code
        assert second == ALL


def test_grpc_resource_exhausted(probe, grpc_receiver):
    receiver = grpc_receiver()
    info = any_pb2.Any()
    info.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=7, nanos=500_000_000)))
    other = any_pb2.Any()
    other.Pack(error_details_pb2.DebugInfo(detail="x"))
    status = status_pb2.Status(code=8, message="slow", details=[other, info])
    receiver.script = [grpc_failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "slow", status)]
    out = probe.send(receiver.endpoint)[0]
    assert out["retry"] and out["after_ms"] == 7500
    status = status_pb2.Status(code=8, message="slow", details=[other])
    receiver.script = [grpc_failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "slow", status)]
    out = probe.send(receiver.endpoint)[0]
    assert not out["retry"] and out["refused"] == 3


@BOTH
def test_partial_success(probe, grpc_receiver, http_receiver, protocol):
    answer = pb.ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 2
    answer.partial_success.error_message = "too old"
    if protocol == "grpc":
        receiver = grpc_receiver()
        receiver.script = [lambda request, context: answer]
    else:
        receiver = http_receiver()
        receiver.script = [(200, {"Content-Type": "application/x-protobuf"}, answer.SerializeToString())]
    out = probe.send(receiver.endpoint, "--protocol", protocol)[0]
    assert (out["exported"], out["rejected"], out["retry"]) == (1, 2, False)
    assert out["complaint"] == "too old"


def test_http_statuses(probe, http_receiver):
    receiver = http_receiver()
    message = status_pb2.Status(message="no such tenant").SerializeToString()
    for status in (429, 502, 503, 504):
        receiver.script = [(status, {"Retry-After": "3"}, b""), (status, {}, b""),
                           (status, {"Retry-After": formatdate(time.time() + 60, usegmt=True)}, b"")]
        seconds, none, date = probe.send(receiver.endpoint, "--protocol", "http", "--times", 3)
        assert seconds["retry"] and seconds["after_ms"] == 3000
        assert none["retry"] and "after_ms" not in none
        assert date["retry"] and 50_000 < date["after_ms"] <= 60_000
        assert none["reason"] == f"send to {receiver.endpoint}: HTTP {status}"
    for status in (400, 401, 404, 413, 500, 501, 301):
        receiver.script = [(status, {"Location": "http://127.0.0.1:1/"}, message)]
        out = probe.send(receiver.endpoint, "--protocol", "http")[0]
        assert (out["retry"], out["refused"]) == (False, 3)
        assert out["complaint"] == f"send to {receiver.endpoint}: HTTP {status}: no such tenant"
    assert receiver.requests == []


class RawServer:
    """One behaviour a connection, on plain bytes."""

    def __init__(self, behave):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.received = b""
        self.behave = behave
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self.behave(self, connection)
                except OSError:
                    pass


def read_some(server, connection):
    connection.settimeout(5)
    server.received += connection.recv(65536)


@BOTH
def test_nobody_listens(probe, protocol):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    out = probe.send(f"127.0.0.1:{port}", "--protocol", protocol)[0]
    assert out["retry"]
    assert out["reason"] == f"connect 127.0.0.1:{port}: Connection refused"


@BOTH
def test_reset_in_the_middle(probe, protocol):
    def reset(server, connection):
        read_some(server, connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    server = RawServer(reset)
    out = probe.send(server.endpoint, "--protocol", protocol, "--compression", "none", "--count", 2000)[0]
    assert out["retry"]
    assert out["reason"].startswith(f"send to {server.endpoint}: ")


@BOTH
@pytest.mark.usefixtures("real_time")
def test_timeout(probe, protocol):
    server = RawServer(lambda s, c: time.sleep(3))
    begin = time.monotonic()
    out = probe.send(server.endpoint, "--protocol", protocol, "--timeout-ms", 300)[0]
    assert out["retry"] and out["reason"] == f"send to {server.endpoint}: no answer within 300 ms"
    assert time.monotonic() - begin < 2.5


@pytest.mark.parametrize("head", ["Content-Length: 5368709120", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("status", [200, 503])
def test_an_endless_answer_is_not_read(probe, head, status):
    def flood(server, connection):
        read_some(server, connection)
        connection.sendall(f"HTTP/1.1 {status} X\r\n{head}\r\nRetry-After: 9\r\n\r\n".encode())
        block = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        server.sent = 0
        while True:
            connection.sendall(block)
            server.sent += len(block)

    server = RawServer(flood)
    server.sent = 0
    out = probe.send(server.endpoint, "--protocol", "http")[0]
    if status == 200:
        assert not out["retry"] and out["refused"] == 3
        assert out["complaint"] == f"send to {server.endpoint}: the answer is larger than 4 MiB"
    else:
        assert out["retry"] and out["after_ms"] == 9000
    assert server.sent < 40 << 20


def test_a_server_that_is_not_grpc(probe, http_receiver):
    out = probe.send(http_receiver().endpoint)[0]
    assert out["exported"] == 0


def test_grpc_zstd_is_framed(probe):
    def read_all(server, connection):
        connection.sendall(b"\0\0\0\4\0\0\0\0\0")  # SETTINGS
        while True:
            read_some(server, connection)

    server = RawServer(read_all)
    probe.send(server.endpoint, "--compression", "zstd", "--timeout-ms", 500)
    assert server.received.startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert b"\x28\xb5\x2f\xfd" in server.received  # zstd's magic, behind the five bytes of the message's prefix
    at = server.received.index(b"\x28\xb5\x2f\xfd")
    assert server.received[at - 5] == 1


@BOTH
def test_the_pipeline_rides_out_an_outage(probe, grpc_receiver, http_receiver, protocol):
    if protocol == "grpc":
        receiver = grpc_receiver()
        receiver.script = [grpc_failure(grpc.StatusCode.UNAVAILABLE, "starting")] * 3
    else:
        receiver = http_receiver()
        receiver.script = [(503, {}, b"")] * 3
    out = probe.run("loop", "--endpoint", receiver.endpoint, "--protocol", protocol, "--count", 1000,
                    "--stop-after-ms", 1500)[0]
    assert (out["received"], out["exported"], out["held"], out["balanced"]) == (1000, 1000, 0, True)
    check_spans(receiver.requests, 1000)


def test_stop_does_not_wait_for_a_receiver_that_hangs(probe):
    server = RawServer(lambda s, c: time.sleep(8))
    out = probe.run("loop", "--endpoint", server.endpoint, "--count", 250, "--shutdown-ms", 500, "--timeout-ms", 20000)[0]
    assert (out["received"], out["exported"], out["shutdown"], out["held"], out["balanced"]) == (250, 0, 250, 0, True)
    assert out["stop_ms"] < 3000
