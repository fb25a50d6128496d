"""The agent within its own limits: what it gives up under load, what it tells of it, and that it takes it back."""

import json
import os
import re

import pytest

from testkit.agent import KERNEL_LOST
from testkit.clients import RawClient, Wrk
from testkit.memory_group import MemoryGroup
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


def configured(running, key):
    value = json.loads(running.get("/config")[1])
    for name in key.split("."):
        value = value[name]
    return value


def in_bytes(text):
    number, unit = re.fullmatch(r"(\d+)([KMG]i)?", str(text)).groups()
    return int(number) << {None: 0, "Ki": 10, "Mi": 20, "Gi": 30}[unit]


@pytest.mark.timeout(240)
def test_near_the_memory_limit_of_its_control_group_it_is_not_killed(request, scope, receiver, agent):
    """A container's limit, a receiver that is away and a load that would fill the default queues many times over."""
    limit = 32 << 20
    group = MemoryGroup(limit)
    running = None
    try:
        nginx = Nginx(scope, workers=2, log=False)
        running = agent(endpoint="127.0.0.1:1", wrapper=group.wrapper, config={
            "otlp": {"compression": "none"}, "telegen": {"shutdown_timeout": "1s"},
            "pipeline": {"tail_sampling": {"enabled": True, "wait": "10s"}}})
        worker = running.worker_pid()
        assert running.metric("telegen_governor_memory_limit_bytes") == limit
        told = re.findall(r"warning \[loader\] (\S+) is (\d+), not \d+, to fit the memory limit", running.process.output())
        assert len(told) >= 6
        for key, granted in told:
            assert in_bytes(configured(running, key)) == int(granted), key
        Wrk(scope).run(nginx.url + "/return?" + "x" * 600, 20)
        account = running.accounts()["destinations"]["otlp"]
        assert account["dropped"]["queue_full"] > 0, "the load fills no queue: this shows nothing"
        assert account["received"] == account["exported"] + sum(account["dropped"].values()) + account["held"], account
        assert group.killed() == 0
        assert running.worker_pid() == worker
        assert group.peak() > limit * 0.75, "it was never near: this shows nothing"
        running.write_config({"otlp": {"endpoint": receiver.endpoint}})
        assert running.post("/admin/reload")[0] == 200
        wait_until(lambda: running.accounts()["destinations"]["otlp"]["exported"] >= account["held"] // 2, 60,
                   "what waited to be sent", interval=1)
        assert group.killed() == 0
    finally:
        if running:
            running.stop()
        group.close()
