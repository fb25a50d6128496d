"""What goes through io_uring: seen where a probe of this kernel can see it; else its users are reported as partly traced,
nothing is made up about them, and nobody else is affected."""

import ctypes
import json
import os
import signal
import sys
import time

import pytest

from test_candidates import forced
from testkit.agent import BINARY
from testkit.clients import Curl, RawClient, compiled
from testkit.pace import longer
from testkit.ports import free_port, wait_for_listener
from testkit.scope import wait_until
from testkit.servers import Nginx
from testkit.spans import CLIENT, SERVER, UNSET

WAYS = [("recv", "plain"), ("read", "plain"), ("msg", "plain"), ("recv", "sqpoll"), ("msg", "sqpoll"), ("recv", "async"),
        ("read", "async"), ("msg", "async")]
PATHS = ["/size/0", "/size/1", "/size/3000", "/size/200000"]
# Those that read a system call's arguments, which transfers by io_uring do not have.
BLIND = ["socket", "exit", "enter+exit"]
SETUP = 425  # io_uring_setup, on every architecture
PARAMETERS, FEATURES = 120, 20  # struct io_uring_params: its size, and where its `features` are
SQPOLL_NONFIXED, NATIVE_WORKERS = 1 << 7, 1 << 9  # bits of them: Linux 5.11, 5.12
WARNING = "traced in part: what goes through it is not seen by"


@pytest.fixture(autouse=True)
def features():
    """Of this kernel's io_uring. Skips where nobody may make a ring: there is none, sysctl kernel.io_uring_disabled, seccomp."""
    libc = ctypes.CDLL(None, use_errno=True)
    parameters = ctypes.create_string_buffer(PARAMETERS)
    ring = libc.syscall(SETUP, 1, parameters)
    if ring < 0:
        pytest.skip(f"this machine permits no io_uring: {os.strerror(ctypes.get_errno())}")
    os.close(ring)
    return int.from_bytes(parameters.raw[FEATURES:FEATURES + 4], sys.byteorder)


def works(features, way):
    return way[1] != "sqpoll" or features & SQPOLL_NONFIXED


def doctor(scope):
    return json.loads(scope.run([BINARY, "doctor", "--json"], leaf="agent"))


def serve(scope, way, *more):
    """A server of the scope: (process, port)."""
    port = free_port()
    process = scope.start([compiled("ring"), "serve", "--port", port, "--op", way[0], "--engine", way[1], *more],
                          name=f"ring-{'-'.join(way)}")
    wait_for_listener(("127.0.0.1", port), process)
    return process, port


def fetch(scope, way, port):
    """A client of the scope, which gets PATHS: the port that it had."""
    said = scope.run([compiled("ring"), "fetch", "--port", port, "--op", way[0], "--engine", way[1], *PATHS]).splitlines()
    assert said[1:] == [f"HTTP/1.1 200 {path.split('/')[2]}" for path in PATHS]
    return int(said[0].removeprefix("port "))


def exchange(port):
    with RawClient(("127.0.0.1", port)) as client:
        for path in PATHS:
            assert len(client.get(path, host="ring:99")[2]) == int(path.split("/")[2])
        return client.port


def check(span, kind, path, peer_port):
    a = span.attributes
    assert (span.kind, span.status, span.service) == (kind, UNSET, "ring")
    assert (a["http.request.method"], a["http.response.status_code"], a["network.protocol.version"]) == ("GET", 200, "1.1")
    assert a.get("http.response.body.size", 0) == int(path.split("/")[2]) and "http.request.body.size" not in a
    assert (a["server.address"], a["server.port"]) == ("ring", 99) and "telegen.partial" not in a
    assert (a["network.peer.address"], a["network.peer.port"]) == ("127.0.0.1", peer_port)
    assert (a["url.path"] if kind == SERVER else a["url.full"]).endswith(path)


def options_that_see(report):
    if report["io_uring"]["seen"]:
        return []
    if not report["io_uring"]["force_probe"]:
        pytest.skip("no probe that this kernel permits sees io_uring")
    return [word for hook, name in report["io_uring"]["force_probe"].items() for word in ("--force-probe", f"{hook}={name}")]


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_every_way_gives_its_spans(scope, receiver, agent, features, way):
    """Where it can be seen. The server's ring is older than the agent, the client's is not."""
    options = options_that_see(doctor(scope))
    if way[1] != "plain" and not features & NATIVE_WORKERS:
        pytest.skip("before Linux 5.12 the threads of io_uring are not of the process that it works for")
    process, port = serve(scope, way)
    running = agent(arguments=options)
    peer = exchange(port)
    for span, path in zip(sorted(receiver.wait_for(len(PATHS)), key=lambda s: s.start), PATHS, strict=True):
        check(span, SERVER, path, peer)
        assert span.resource["process.pid"] == process.pid
    receiver.clear()
    peer = fetch(scope, way, port)
    spans = sorted(receiver.wait_for(2 * len(PATHS)), key=lambda s: s.start)
    for kind, other in ((SERVER, peer), (CLIENT, port)):
        for span, path in zip([s for s in spans if s.kind == kind], PATHS, strict=True):
            check(span, kind, path, other)
    assert not running.losses()
    told = json.loads(running.get("/status/discovery")[1])["io_uring"]
    assert (process.pid in told["pids"], told["partly_traced"]) == (True, None)
    assert running.metric("telegen_processes_partly_traced", reason="io_uring") == 0


def io_uring_status(running):
    return json.loads(running.get("/status/discovery")[1])["io_uring"]


def wait_for_users(running, pids):
    return wait_until(lambda: (s := io_uring_status(running))["pids"] == sorted(pids) and s, 10, f"{sorted(pids)} to be reported")


def ordinary_spans(scope, receiver):
    """Of two requests to a server without io_uring: that they came also means that all before them was looked at."""
    nginx = Nginx(scope)
    Curl(scope, leaf="clients").get(nginx.url + "/return", nginx.url + "/items/5")
    spans = receiver.wait_for(2)
    assert {(span.service, span.kind) for span in spans} == {("nginx", SERVER)}
    assert sorted(span.attributes["url.path"] for span in spans) == ["/items/5", "/return"]


@pytest.mark.parametrize("candidate", BLIND)
def test_users_are_reported_and_nothing_is_made_up(scope, receiver, agent, features, candidate):
    ways = [way for way in WAYS if works(features, way)]
    servers = [serve(scope, way) for way in ways]  # their rings are older than the agent
    late, late_port = serve(scope, ("recv", "plain"), "--made", "late")
    began, before = time.monotonic(), len(scope.processes)
    running = agent(arguments=forced(scope, candidate))
    status = wait_for_users(running, [process.pid for process, _ in servers])
    assert status["processes"] == len(servers)
    assert status["partly_traced"].startswith(f"not seen by socket.receive ({candidate}) and socket.send ({candidate}); ")
    exchange(late_port)  # it makes its ring now
    servers += [(late, late_port), *(serve(scope, way) for way in ways[:2])]
    pids = [process.pid for process, _ in servers]
    wait_for_users(running, pids)
    for way, (_, port) in zip(ways, servers):
        exchange(port)
        fetch(scope, way, port)
    ordinary_spans(scope, receiver)
    losses = running.losses()
    # A process enters the scope's cgroup by write(2), and is selected in the middle of that one.
    entered = losses.pop("telegen_kernel_lost_total{'cause': 'arguments_missing'}", 0)
    assert not losses and entered <= (len(scope.processes) - before if candidate == "enter+exit" else 0)
    assert running.metric("telegen_stream_losses_total") == 0
    assert running.metric("telegen_processes_partly_traced", reason="io_uring") == len(pids)
    wait_until(lambda: WARNING in running.process.output(), 5, "the warning")
    assert running.process.output(lines=1000).count(WARNING) <= 1 + (time.monotonic() - began) / 60
    for process, _ in servers[1:]:
        process.stop(signal.SIGKILL)
    assert wait_for_users(running, pids[:1])["processes"] == 1


@pytest.mark.parametrize("engine", ["plain", "sqpoll", "async"])
@pytest.mark.parametrize("candidate", BLIND)
def test_arguments_of_another_call_are_not_taken_for_those_of_a_transfer(scope, receiver, agent, features, candidate, engine):
    """The bytes are moved by task work in the middle of read(2) of an eventfd, or meanwhile by a thread of the kernel in
    the process: the registers name memory that holds a request which nobody sent. Its answers, written by write(2), would
    make it a span; alone they make none."""
    if not works(features, ("recv", engine)):
        pytest.skip("before Linux 5.11 IORING_SETUP_SQPOLL takes registered files only")
    process, port = serve(scope, ("recv", engine), "--decoy")
    running = agent(arguments=forced(scope, candidate))
    wait_for_users(running, [process.pid])
    with RawClient(("127.0.0.1", port)) as client:
        for size in range(4):
            time.sleep(longer(0.3))  # the server waits by now; it fails where it does not
            client.send(f"GET /size/{size} HTTP/1.1\r\nHost: ring:99\r\n\r\n".encode())  # as long as the false one
            assert client.response()[2] == size * b"r"
    ordinary_spans(scope, receiver)
    assert process.alive() and running.metric("telegen_requests_total") == 2
    assert running.metric("telegen_stream_losses_total") == running.metric("telegen_stream_losses_total", cause="unmatched") == 4


def test_a_new_worker_finds_them_again(scope, agent):
    old, _ = serve(scope, ("recv", "plain"))
    running = agent()
    new, _ = serve(scope, ("read", "plain"))
    wait_for_users(running, [old.pid, new.pid])
    first = running.worker_pid()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: running.worker_pid() != first, 10, "another worker")
    running.wait_ready()
    wait_for_users(running, [old.pid, new.pid])


def test_the_process_that_made_the_ring_is_named_and_not_its_parent(scope, agent):
    port = free_port()
    running = agent()
    process = scope.start(["sh", "-c", f'"$0" serve --port {port} & wait', compiled("ring")], name="shell")
    wait_for_listener(("127.0.0.1", port), process)
    user, = wait_until(lambda: io_uring_status(running)["pids"], 10, "the ring")
    assert user != process.pid, "it is the child's, not the shell's"
    process.stop(signal.SIGKILL)
    os.kill(user, signal.SIGKILL)
    wait_until(lambda: io_uring_status(running)["processes"] == 0, 10, "its end")
