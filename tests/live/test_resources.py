"""The agent within its own limits: what it gives up under load, what it tells of it, and that it takes it back."""

import os

import pytest

from testkit.agent import KERNEL_LOST
from testkit.clients import RawClient, Wrk
from testkit.scope import wait_until
from testkit.servers import Nginx
from testkit.spans import SERVER

LEVEL = "telegen_governor_level"
CAPTURE = "telegen_governor_capture_bytes"


@pytest.mark.timeout(240)
def test_near_its_cpu_limit_the_agent_does_less_and_later_everything_again(scope, receiver, agent):
    nginx = Nginx(scope, workers=2, log=False)
    running = agent(config={"agent": {"resources": {"cpu_limit": 0.02}}})
    assert (running.metric(LEVEL), running.metric(CAPTURE)) == (0, 4096)
    before = running.metric("telegen_cpu_seconds_total")
    Wrk(scope).run(nginx.url + "/return", 25)
    assert running.metric("telegen_cpu_seconds_total") > before, "the load costs nothing: this shows nothing"
    assert running.metric(LEVEL) == 4, "a load of thousands a second takes more than 2 % of a core"
    assert running.metric(CAPTURE) == 0
    assert "at its limit of cpu, the agent captures nothing for a while" in running.process.output()
    assert running.metric(KERNEL_LOST, cause="suspended") > 0
    # Idle, it takes one step back after the other.
    wait_until(lambda: running.metric(LEVEL) < 4, 90, "capture to begin again", interval=5)  # asking costs CPU time too
    receiver.clear()
    with RawClient(("127.0.0.1", nginx.port)) as client:
        assert client.get("/return?after=1")[0] == 200
    assert running.metric(CAPTURE) == 512


@pytest.mark.timeout(120)
def test_a_memory_limit_that_is_reached_suspends_and_says_so(scope, receiver, agent):
    nginx = Nginx(scope)
    running = agent(config={"agent": {"resources": {"memory_limit": "20Mi"}}})  # less than it has to have
    wait_until(lambda: running.metric(LEVEL) == 4, 15, "the last level")
    assert running.metric("telegen_governor_memory_limit_bytes") == 20 << 20
    assert running.metric("telegen_governor_memory_bytes") > 20 << 20
    with RawClient(("127.0.0.1", nginx.port)) as client:
        assert client.get("/return")[0] == 200
    assert running.metric(KERNEL_LOST, cause="suspended") == 2
    assert receiver.spans(kind=SERVER) == []


def test_what_the_agent_costs_is_told_by_thread_and_process(scope, receiver, agent):
    running = agent()
    threads = {s.labels["thread"]: s.value for s in running.samples() if s.name == "telegen_cpu_seconds_total"}
    assert threads.keys() >= {"main", "ring", "discovery", "api", "loader", "other"}
    assert threads["loader"] > 0, "loading takes CPU time"
    for process, pid in (("loader", running.loader_pid), ("worker", running.worker_pid())):
        told = running.metric("telegen_process_resident_bytes", process=process)
        with open(f"/proc/{pid}/statm") as statm:
            pages = int(statm.read().split()[1])
        assert told == pytest.approx(pages * os.sysconf("SC_PAGE_SIZE"), rel=0.25)
        assert running.metric("telegen_process_resident_peak_bytes", process=process) >= told
