"""Each way of observing a hook gives the same spans: whatever another kernel would use is forced here."""

import json

import pytest

from test_sockets import PAIRS, check, exchange, serve
from testkit.agent import BINARY, Agent
from testkit.ports import free_port

# What each candidate needs beyond what all of them do, as `telegen doctor` calls it.
CANDIDATES = {
    "socket": (["socket.receive", "socket.send"], {"socket_length", "task_registers"}),
    "fexit": (["socket.receive", "socket.send"], {"socket_functions", "task_registers"}),
    "exit": (["socket.receive", "socket.send", "socket.messages", "socket.file", "socket.connect"], {"task_registers"}),
    "enter+exit": (["socket.receive", "socket.send", "socket.messages", "socket.file", "socket.connect"], set()),
}


def forced(scope, candidate):
    """The options that force it; skips, by name, where this kernel cannot have it."""
    hooks, needs = CANDIDATES[candidate]
    report = json.loads(scope.run([BINARY, "doctor", "--json"], leaf="agent"))
    lacking = {name for name in needs if not report["capabilities"][name]["available"]}
    if lacking:
        pytest.skip(f"this kernel has no candidate {candidate}: {', '.join(sorted(lacking))}")
    return [word for hook in hooks for word in ("--force-probe", f"{hook}={candidate}")]


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
    path = str(scope.directory / "matrix.socket")
    process = serve(scope, f"unix:{path}", path, "recvmsg", "sendmsg")
    agent(arguments=forced(scope, candidate))
    check(receiver, process, None, exchange(path))


def test_a_candidate_that_does_not_exist_is_an_error_of_the_configuration(scope):
    running = Agent(scope, arguments=["--force-probe", "socket.send=magic"]).start(ready=False)
    assert running.process.wait() == 2
    assert "agent.ebpf.force_probe.socket.send: 'magic' is no candidate; write socket, fexit, exit, enter+exit" in running.process.output()
