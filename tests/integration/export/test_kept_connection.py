"""A connection is kept from request to request and replaced where it dies; a new one to a plaintext gRPC receiver is
always opened as HTTP/2 at once, never as HTTP/1.1 with an offer to upgrade (libcurl 7.88 needs care for both)."""
import socket
import threading
import time

import pytest
from test_transport import ALL, server_tls

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Relay:
    """Between the probe and a receiver. `on_bytes(relay, number, bytes)` sees what a connection's client sends, and
    says False to have the connection closed instead of passing it on."""

    def __init__(self, target, on_bytes=lambda *_: True):
        host, port = target.rsplit(":", 1)
        self.target, self.on_bytes = (host, int(port)), on_bytes
        self.first = []  # bytes of each connection
        self.open = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(self.target)
            number = len(self.first)
            self.first.append(b"")
            self.open.append((client, server))
            for source, sink, sent in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(number, source, sink, sent), daemon=True).start()

    def _pump(self, number, source, sink, sent):
        try:
            while data := source.recv(65536):
                if sent and not self.first[number]:
                    self.first[number] = data
                if sent and not self.on_bytes(self, number, data):
                    break
                sink.sendall(data)
        except OSError:
            pass
        self.close(number)

    def close(self, number):
        for end in self.open[number]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def check_delivered(out, receiver, relay, times, connections):
    assert out == [ALL] * times
    assert len(receiver.requests) == times
    assert len(relay.first) == connections
    assert all(first.startswith(PREFACE) for first in relay.first), relay.first


def test_it_is_kept(probe, grpc_receiver):
    receiver = grpc_receiver()
    relay = Relay(receiver.endpoint)
    check_delivered(probe.send(relay.endpoint, "--times", 5), receiver, relay, 5, 1)


def test_a_host_name_is_looked_up_for_it(probe, grpc_receiver):
    receiver = grpc_receiver()
    relay = Relay(receiver.endpoint)
    port = relay.endpoint.rsplit(":", 1)[1]
    check_delivered(probe.send(f"localhost:{port}", "--times", 3), receiver, relay, 3, 1)


def test_it_died_between_two_requests(probe, grpc_receiver):
    receiver = grpc_receiver()
    relay = Relay(receiver.endpoint)

    def close_all():
        closed = 0
        while closed < 3:
            if len(receiver.requests) > closed:
                time.sleep(0.1)
                relay.close(closed)
                closed += 1
            time.sleep(0.01)

    threading.Thread(target=close_all, daemon=True).start()
    check_delivered(probe.send(relay.endpoint, "--times", 3, "--pause-ms", 400), receiver, relay, 3, 3)


def test_it_dies_under_the_second_request(probe, grpc_receiver):
    receiver = grpc_receiver()

    def refuse_second(relay, number, data):
        return not (number == 0 and receiver.requests and len(data) > 100)

    relay = Relay(receiver.endpoint, refuse_second)
    out = probe.send(relay.endpoint, "--times", 3, "--pause-ms", 100)
    assert out[1]["retry"] and out[1]["may_have_arrived"]
    assert [out[0], out[2]] == [ALL, ALL]
    assert len(receiver.requests) == len(relay.first) == 2
    assert all(first.startswith(PREFACE) for first in relay.first), relay.first


# After 1 ms: in the middle of an answer.
@pytest.mark.parametrize("age_ms", [1, 150])
@pytest.mark.parametrize("tls", [False, True])
def test_the_receiver_says_goodbye(probe, grpc_receiver, authority, age_ms, tls):
    receiver = grpc_receiver(server_tls(authority, "grpc") if tls else None,
                             options=[("grpc.max_connection_age_ms", age_ms),
                                      ("grpc.max_connection_age_grace_ms", 5000)])
    out = probe.send(("https://" if tls else "http://") + receiver.endpoint, "--ca", authority.ca_file, "--times", 8,
                     "--pause-ms", 60)
    assert out == [ALL] * 8
    assert len(receiver.requests) == 8
    assert len(set(receiver.peers)) > 1


@pytest.mark.usefixtures("real_time")
def test_a_deadline_counts_over_both_attempts(probe, grpc_receiver):
    receiver = grpc_receiver()
    hang = threading.Event()

    def stall(relay, number, data):
        if receiver.requests and len(data) > 100:
            hang.wait(0.6)  # then the kept connection is closed without an answer
            return False
        return True

    relay = Relay(receiver.endpoint, stall)
    begin = time.monotonic()
    first, second = probe.send(relay.endpoint, "--times", 2, "--timeout-ms", 1000)
    assert first == ALL
    assert second["retry"]
    assert time.monotonic() - begin < 1.6
