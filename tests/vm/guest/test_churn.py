"""Thousands of processes and connections come and go: the agent is afterwards as it was, and so are its maps."""

import json
import os
import time
from pathlib import Path

import pytest

import kernel_objects
from testkit.agent import KERNEL_LOST
from testkit.clients import ExactLoad, compiled
from testkit.scope import wait_until
from testkit.servers import Nginx

# TELEGEN_CHURN divides both: a run of the CI does a tenth.
CHURN = float(os.environ.get("TELEGEN_CHURN", "1"))
PROCESSES, CONNECTIONS = int(10_000 / CHURN), int(50_000 / CHURN)
PROCESSES_KNOWN = "telegen_discovery_processes"
REMEMBERED_KIB = 6
TABLES = ("tg_connections", "tg_unix_connections", "tg_handshakes", "tg_listeners", "tg_parked")


def memory(running):
    """Memory of loader and worker that is theirs alone, KiB. The ring and other mapped files have a size of their own."""
    total = 0
    for pid in (running.loader_pid, running.worker_pid()):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                total += int(line.split()[1])
    return total


def lost(running):
    """But for calls that were under way when their process was selected: the one by which each program here enters its
    cgroup is such a call, and a kernel that parks arguments (before 5.15) cannot tell that it moved no bytes of a socket."""
    return sum(s.value for s in running.samples() if s.name == KERNEL_LOST and s.labels["cause"] != "arguments_missing")


def tables():
    return {name: kernel_objects.entries(name) for name in TABLES}


def churn(scope, port, processes, connections):
    """Processes of the traced cgroup that send one request each, then connections of one request each."""
    done = json.loads(scope.run([compiled("churn"), "--port", port, "--processes", processes], leaf="traced", timeout=400))
    assert done == {"processes": processes, "failed": 0}
    load = ExactLoad(scope).run(port, connections, connections=16, close=True, timeout=400)
    assert load["answered"] == connections and load["bad"] == 0


@pytest.mark.timeout(500)
def test_memory_and_maps_return_to_where_they_were(scope, counting, agent, record_property):
    """Twice the same: what the first round fills (the allocator's arenas, tables with a bound) the second one finds full.
    What an ended process was is remembered for five minutes, as spans of it may still be finished: each such process may
    hold REMEMBERED_KIB more."""
    nginx = Nginx(scope, workers=1, log=False)
    running = agent(endpoint=counting.endpoint)
    ExactLoad(scope).run(nginx.port, 100, connections=4, close=True)  # from here on the tables know who listens
    assert counting.wait_count(100) == 100
    empty, sizes, known, begin = tables(), [memory(running)], [running.metric(PROCESSES_KNOWN)], time.monotonic()
    for number in (1, 2):
        churn(scope, nginx.port, PROCESSES, CONNECTIONS)
        expected = 100 + number * (PROCESSES + CONNECTIONS)
        assert counting.wait_count(expected, timeout=120) == expected, running.losses()
        assert lost(running) == 0, running.losses()
        wait_until(lambda: tables() == empty, 10, f"the tables to be as they were: {empty}, not {tables()}", 0.5)
        sizes.append(settled(running))
        known.append(running.metric(PROCESSES_KNOWN))
    record_property("churn", f"twice {PROCESSES} processes and {CONNECTIONS} connections in {time.monotonic() - begin:.0f} s; "
                             f"memory {sizes} KiB and processes remembered {known}: at the start, after each round")
    allowed = (known[2] - known[1]) * REMEMBERED_KIB
    assert 0.9 * sizes[1] <= sizes[2] <= 1.1 * sizes[1] + allowed, f"{sizes} KiB, {known} processes: start, rounds 1 and 2"


def settled(running):
    """Memory when it has not changed by more than a fiftieth for a while, or after a while."""
    seen = []
    for _ in range(60):
        seen.append(memory(running))
        if len(seen) >= 6 and max(seen[-6:]) - min(seen[-6:]) <= seen[-1] / 50:
            break
        time.sleep(0.5)
    return seen[-1]
