"""Each way of observing a hook gives the same spans: whatever another kernel would use is forced here."""

from contextlib import ExitStack

import pytest

from test_sockets import PAIRS, check, exchange, serve
from testkit.agent import Agent, probes
from testkit.clients import RawClient
from testkit.ports import free_port
from testkit.servers import PythonServer
from testkit.spans import SERVER, UNSET

TRANSFERS = ["socket.receive", "socket.send"]
# The hooks that have it: forced for all of them.
CANDIDATES = {
    "socket": TRANSFERS,
    "fexit": TRANSFERS,
    "exit": [*TRANSFERS, "socket.messages", "socket.file", "socket.connect"],
    "enter+exit": [*TRANSFERS, "socket.messages", "socket.file", "socket.connect"],
    "kprobe": TRANSFERS,
}


def forced(scope, candidate):
    """The options that force it; skips, by name, where this kernel cannot have it."""
    of_hook = {key: {c["name"]: c["lacks"] for c in probe["candidates"]} for key, probe in probes(scope).items()}
    lacking = {name for hook in CANDIDATES[candidate] for name in of_hook[hook][candidate]}
    if lacking:
        pytest.skip(f"this kernel has no candidate {candidate}: {', '.join(sorted(lacking))}")
    return [word for hook in CANDIDATES[candidate] for word in ("--force-probe", f"{hook}={candidate}")]


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_every_system_call_gives_the_same_spans(scope, receiver, agent, candidate):
    listening = []
    for read, write in PAIRS:
        port = free_port()
        listening.append((port, serve(scope, f"tcp4:{port}", ("127.0.0.1", port), read, write)))
    running = agent(arguments=forced(scope, candidate))
    for port, process in listening:
        check(receiver, process, "127.0.0.1", exchange(("127.0.0.1", port)))
        receiver.clear()
    assert not running.losses()


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_unix_sockets_too(scope, receiver, agent, candidate):
    """Their bytes have no numbers that would tell of a transfer that is reported twice: with calls that other hooks see."""
    listening = []
    for read, write in [("recvmsg", "sendmsg"), ("recvmmsg", "sendmmsg"), ("recvfrom", "sendfile")]:
        path = str(scope.directory / f"{write}.socket")
        listening.append((path, serve(scope, f"unix:{path}", path, read, write)))
    running = agent(arguments=forced(scope, candidate))
    try:
        for path, process in listening:
            check(receiver, process, None, exchange(path))
            receiver.clear()
    except AssertionError:
        # Of calls that wait a kernel may follow no more than it has processors (docs/kernels.md): the rest is counted.
        if candidate != "kprobe" or not any("arguments_missing" in name for name in running.losses()):
            raise
    else:
        assert not running.losses()


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_threads_that_all_wait_in_a_read(scope, receiver, agent, candidate):
    """More of them than the kernel follows returns of by kretprobes: as many as processors, or ten, or twice as many."""
    served = PythonServer(scope)
    running = agent(arguments=forced(scope, candidate))
    asked = [f"n={number}" for number in range(60)]
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(("127.0.0.1", served.port))) for _ in range(30)]
        for number, query in enumerate(asked):
            assert clients[number % len(clients)].get(f"/ok?{query}")[0] == 200
        spans = receiver.wait_for(len(asked))
    assert sorted(s.attributes["url.query"] for s in spans) == sorted(asked)
    ports = {client.port for client in clients}
    for span in spans:
        a = span.attributes
        assert (span.kind, span.status, span.service) == (SERVER, UNSET, served.service)
        assert (a["http.request.method"], a["url.path"], a["http.response.status_code"]) == ("GET", "/ok", 200)
        assert a["http.response.body.size"] == len("from python\n") and "telegen.partial" not in a
        assert a["network.peer.port"] in ports and span.resource["process.pid"] == served.process.pid
    assert not running.losses()


def test_a_candidate_that_does_not_exist_is_an_error_of_the_configuration(scope):
    running = Agent(scope, arguments=["--force-probe", "socket.send=magic"]).start(ready=False)
    assert running.process.wait() == 2
    assert "agent.ebpf.force_probe.socket.send: 'magic' is no candidate; write socket, fexit, exit, enter+exit, kprobe" in running.process.output()
