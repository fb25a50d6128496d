"""Receivers on the official protobuf definitions, and the probe that sends to them. Everything is on loopback."""
import concurrent.futures
import datetime
import gzip
import http.server
import ipaddress
import json
import os
import shlex
import subprocess
import threading

import grpc
import pytest
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as pb_grpc

# A program, or that of another architecture with the command that emulates it.
EMULATOR = shlex.split(os.environ["EXPORT_PROBE_EMULATOR"])
PROBE = [*EMULATOR, os.environ["EXPORT_PROBE"]]

class Probe:
    def run(self, command, *args, timeout=30):
        done = subprocess.run([*PROBE, command, *map(str, args)], capture_output=True, text=True, timeout=timeout)
        assert done.returncode in (0, 2), done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def send(self, endpoint, *args):
        return self.run("send", "--endpoint", endpoint, *args)


@pytest.fixture
def real_time():
    """For tests that hold the probe to a time."""
    if EMULATOR:
        pytest.skip("an emulator tells nothing about time")


@pytest.fixture(scope="session")
def probe():
    return Probe()


class GrpcReceiver(pb_grpc.TraceServiceServicer):
    """Answers by the functions in `script`, one a call, then with success."""

    def __init__(self, credentials=None, options=()):
        self.requests, self.metadata, self.peers, self.script = [], [], [], []
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), options=options)
        pb_grpc.add_TraceServiceServicer_to_server(self, self.server)
        if credentials:
            self.port = self.server.add_secure_port("127.0.0.1:0", credentials)
        else:
            self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()
        self.endpoint = f"127.0.0.1:{self.port}"

    def Export(self, request, context):
        self.metadata.append(dict(context.invocation_metadata()))
        self.peers.append(context.peer())
        if self.script:
            answer = self.script.pop(0)(request, context)
            if answer is not None:
                return answer
        self.requests.append(request)
        return pb.ExportTraceServiceResponse()


@pytest.fixture
def grpc_receiver():
    made = []

    def make(credentials=None, options=()):
        made.append(GrpcReceiver(credentials, options))
        return made[-1]

    yield make
    for receiver in made:
        receiver.server.stop(0).wait()


class HttpReceiver:
    def __init__(self, tls=None):
        self.requests, self.headers, self.paths, self.script, self.peers = [], [], [], [], []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.headers.append({k.lower(): v for k, v in self.headers.items()})
                outer.paths.append(self.path)
                outer.peers.append(self.client_address)
                encoding = self.headers.get("Content-Encoding")
                if encoding == "gzip":
                    body = gzip.decompress(body)
                elif encoding == "zstd":
                    body = zstandard.ZstdDecompressor().decompress(body)
                status, headers, answer = 200, {}, b""
                if outer.script:
                    status, headers, answer = outer.script.pop(0)
                if status == 200:
                    outer.requests.append(pb.ExportTraceServiceRequest.FromString(body))
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.endpoint = f"127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()


@pytest.fixture
def http_receiver():
    made = []

    def make(tls=None):
        made.append(HttpReceiver(tls))
        return made[-1]

    yield make
    for receiver in made:
        receiver.server.shutdown()
        receiver.server.server_close()


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test authority {folder.name}")])
        self.cert = self._sign(self.name, self.key, x509.BasicConstraints(True, None))
        self.ca_file = self._write("ca.pem", self.cert)

    def _sign(self, subject, key, constraints):
        now = datetime.datetime.now(datetime.timezone.utc)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(hours=1)).add_extension(constraints, True)
                .add_extension(x509.SubjectAlternativeName(names), False).sign(self.key, hashes.SHA256()))

    def _write(self, name, cert):
        path = self.folder / name
        path.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        return str(path)

    def issue(self, name):
        key = ec.generate_private_key(ec.SECP256R1())
        cert = self._sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key,
                          x509.BasicConstraints(False, None))
        key_file = self.folder / f"{name}.key"
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        return self._write(f"{name}.pem", cert), str(key_file)


@pytest.fixture
def authority(tmp_path):
    (tmp_path / "ca").mkdir()
    return Authority(tmp_path / "ca")


@pytest.fixture
def other_authority(tmp_path):
    (tmp_path / "other").mkdir()
    return Authority(tmp_path / "other")
