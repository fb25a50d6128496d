"""A receiver that floods, talks nonsense or never answers costs the agent neither memory nor its wits, and what waited
for it is sent, or counted, once it behaves."""

import os
import random
import time

import pytest

from testkit.link import BreakingLink
from testkit.receiver import Receiver
from testkit.scope import wait_until
from testkit.servers import Nginx
from testkit.traffic import Traffic

MOST_RESIDENT = 64 << 20  # idle the worker has some 27 MB
FLOOD = 4 << 30


def flood(connection):
    """An answer without an end, as fast as it is taken."""
    connection.settimeout(20)
    connection.recv(65536)
    block = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    connection.sendall(b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(FLOOD // 65536):
        connection.sendall(block)


def headers_without_end(connection):
    connection.settimeout(20)
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    line = b"x-filler: " + b"y" * 60_000 + b"\r\n"
    for _ in range(FLOOD // len(line)):
        connection.sendall(line)


def garbage(connection):
    connection.settimeout(5)
    connection.recv(65536)
    connection.sendall(random.Random(7).randbytes(200_000))


def silence(connection):
    """Takes what comes, and never answers."""
    connection.settimeout(30)
    while connection.recv(65536):
        pass


def frames_of_nonsense(connection):
    """HTTP/2 that goes on for ever: frames of 16 KiB on streams that nobody opened."""
    connection.settimeout(20)
    connection.recv(65536)
    connection.sendall(b"\0\0\0\4\0\0\0\0\0")  # SETTINGS, so that what follows is read at all
    for stream in range(1, FLOOD // 16384):
        connection.sendall(b"\x00\x40\x00\x00\x00" + (2 * stream + 1).to_bytes(4, "big") + b"z" * 16384)


def resident_peak(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))


@pytest.mark.parametrize("protocol, misbehave", [
    ("http", flood), ("http", headers_without_end), ("http", garbage), ("http", silence),
    ("grpc", frames_of_nonsense), ("grpc", garbage), ("grpc", silence)],
    ids=lambda value: getattr(value, "__name__", value))
def test_a_receiver_that_misbehaves(request, scope, agent, protocol, misbehave):
    nginx = Nginx(scope)
    receiver = Receiver(protocol=protocol)
    request.addfinalizer(receiver.close)
    link = BreakingLink(("127.0.0.1", receiver.port), misbehave=misbehave)
    request.addfinalizer(link.close)
    scheme = "http://" if protocol == "http" else ""
    running = agent(endpoint=scheme + link.endpoint, config={
        "backoff": {"initial": "100ms", "max": "500ms"},
        "otlp": {"protocol": protocol, "timeout": "1s", "traces": {"batch_timeout": "100ms"}}})
    worker = running.worker_pid()
    with Traffic(nginx.port, rate=200) as traffic:
        wait_until(lambda: link.broken >= 3, 40, "three connections to end", interval=0.2)
        cpu = scope.cpu_usec("agent")
        time.sleep(1)
        cpu = scope.cpu_usec("agent") - cpu
        link.misbehave = None
        time.sleep(1)
        sent = traffic.stop()

    def settled():
        traces = running.accounts()
        return traces["received"] >= len(sent) and running.metric("telegen_pipeline_held", signal="traces") == 0

    wait_until(settled, 30, "everything to be sent or counted")
    account = running.accounts()["destinations"]["otlp"]
    assert account["received"] == account["exported"] + sum(account["dropped"].values()) == len(sent), account
    came = [span.attributes["url.path"] for span in receiver.spans()]
    assert set(came) <= set(sent) and len(came) == len(set(came)) == account["exported"]
    assert sent[-1] in came
    refused = dict(account["dropped"])
    refused.pop("refused", None)
    assert sum(refused.values()) == 0, "only what was answered in so many words is given up"
    assert running.worker_pid() == worker
    assert resident_peak(worker) < MOST_RESIDENT
    assert cpu < 500_000, "a receiver that misbehaves costs half a core"
    assert os.path.exists(f"/proc/{running.loader_pid}")
