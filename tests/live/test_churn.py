"""Ten thousand processes and fifty thousand connections come and go: the agent is afterwards as it was, and so are its maps."""

import os
import time

import pytest

from testkit import churn, kernel_maps
from testkit.agent import SPANS_EXPORTED
from testkit.receiver import Receiver
from testkit.scope import wait_until
from testkit.servers import Nginx

# TELEGEN_CHURN divides both: what a short run in an emulated machine does.
CHURN = float(os.environ.get("TELEGEN_CHURN", "1"))
PROCESSES, CONNECTIONS = int(10_000 / CHURN), int(50_000 / CHURN)
WARM_PROCESSES, WARM_CONNECTIONS = max(300, PROCESSES // 10), max(1500, CONNECTIONS // 10)

ARENAS_KIB = 3072  # what the allocator's arenas differ by from time to time; 320 bytes kept of each process would be more


@pytest.fixture
def counting():
    with Receiver("grpc", counting=True) as made:
        yield made


@pytest.mark.timeout(400)
def test_memory_and_maps_return_to_where_they_were(scope, counting, agent, record_property):
    """Where they were: after a little of the same, as code and tables that are only used under traffic are there for good."""
    nginx = Nginx(scope, workers=1, log=False)
    running = agent(endpoint=counting.endpoint)
    known, ready = running.metric(churn.PROCESSES_KNOWN), churn.memory_kib(running)
    expected = sent_by_processes = 0

    def come_and_go(processes, connections):
        nonlocal expected, sent_by_processes
        churn.processes(scope, nginx.port, processes)
        churn.connections(scope, nginx.port, connections)
        expected, sent_by_processes = expected + processes + connections, sent_by_processes + processes
        assert counting.wait_count(expected, timeout=60) == expected, running.losses()  # of the server
        assert running.metric(SPANS_EXPORTED) == expected + sent_by_processes, running.losses()

    come_and_go(WARM_PROCESSES, WARM_CONNECTIONS)
    churn.settle(running, known)
    warm, warm_own = churn.memory_kib(running), churn.memory_kib(running, "RssAnon")
    tables = kernel_maps.entries(running.loader_pid)
    assert tables["tg_listeners"] >= 1 and tables["tg_connections"] == 0, tables  # where nginx listens, and nobody asks it
    begin, cpu = time.monotonic(), churn.cpu_seconds(running)
    come_and_go(PROCESSES, CONNECTIONS)
    took, cpu, peak = time.monotonic() - begin, churn.cpu_seconds(running) - cpu, churn.memory_kib(running)
    settle = churn.settle(running, known)
    after, own = churn.memory_kib(running), churn.memory_kib(running, "RssAnon")
    record_property("churn", f"{PROCESSES} processes and {CONNECTIONS} connections in {took:.0f} s, for which the agent took "
                             f"{cpu:.1f} s of CPU; resident {ready} KiB when ready, {warm} after {WARM_PROCESSES} and "
                             f"{WARM_CONNECTIONS} of the same, {peak} at the end, {after} {settle:.0f} s later; of that its own "
                             f"(anonymous) {warm_own} before and {own} after")
    assert churn.lost(running) == 0, running.losses()
    assert 0.9 * warm <= after <= 1.1 * warm, f"{warm} KiB resident before, {after} KiB {settle:.0f} s after"
    assert own <= warm_own + ARENAS_KIB, f"{warm_own} KiB of its own before, {own} KiB {settle:.0f} s after"
    wait_until(lambda: kernel_maps.entries(running.loader_pid) == tables, 10,
               f"the maps to be as they were: {tables}, not {kernel_maps.entries(running.loader_pid)}", 0.5)
