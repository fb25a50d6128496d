"""Requests through a proxy: named by the configuration or by the environment, passed by, and one that refuses."""

import http.server
import socket
import threading
import urllib.request

import pytest

ALL = {"exported": 3, "rejected": 0, "refused": 0, "complaint": "", "retry": False}


class Proxy:
    """CONNECT for what makes a tunnel of it, plain forwarding for the rest. `seen` is every request line."""

    def __init__(self, refuse=False):
        proxy = self
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_CONNECT(self):  # noqa: N802  (the name is the method's)
                proxy.seen.append(self.requestline)
                if refuse:
                    self.send_error(403)
                    return
                host, port = self.path.rsplit(":", 1)
                far = socket.create_connection((host, int(port)))
                self.send_response(200)
                self.end_headers()
                threading.Thread(target=copy, args=(far, self.connection), daemon=True).start()
                copy(self.connection, far)
                self.close_connection = True

            def do_POST(self):  # noqa: N802
                proxy.seen.append(self.requestline)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "proxy-connection")}
                opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
                with opener.open(urllib.request.Request(self.path, body, kept, method="POST")) as answer:
                    content = answer.read()
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def copy(source, sink):
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def proxy():
    made = Proxy()
    yield made
    made.close()


def send(probe, endpoint, protocol, *arguments):
    return probe.send(f"http://{endpoint}", "--protocol", protocol, *arguments)[0]


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_configured_proxy_is_used(probe, grpc_receiver, http_receiver, proxy, protocol):
    receiver = grpc_receiver() if protocol == "grpc" else http_receiver()
    assert send(probe, receiver.endpoint, protocol, "--proxy", proxy.url) == ALL
    line, = proxy.seen
    assert line.startswith("CONNECT " if protocol == "grpc" else "POST http://") and receiver.endpoint in line


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_environments_proxy_is_used_where_it_is_asked_for(probe, grpc_receiver, http_receiver, proxy, protocol,
                                                              monkeypatch):
    receiver = grpc_receiver() if protocol == "grpc" else http_receiver()
    monkeypatch.setenv("http_proxy", proxy.url)
    assert send(probe, receiver.endpoint, protocol) == ALL
    assert len(proxy.seen) == 1
    assert send(probe, receiver.endpoint, protocol, "--proxy", "none") == ALL
    assert len(proxy.seen) == 1, "not with none"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert send(probe, receiver.endpoint, protocol) == ALL
    assert len(proxy.seen) == 1, "not where no_proxy names the receiver"


def test_a_proxy_that_refuses_is_no_answer_of_the_receiver(probe, grpc_receiver):
    receiver, refusing = grpc_receiver(), Proxy(refuse=True)
    out = send(probe, receiver.endpoint, "grpc", "--proxy", refusing.url)
    refusing.close()
    assert out["retry"] and "403" in out["reason"]
    assert not receiver.requests
