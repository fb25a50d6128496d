"""What is held reaches its receiver: through another configuration, dead workers, dead agents and receivers that are away."""

import json
import os
import signal
import time

import pytest

from testkit.agent import Agent
from testkit.clients import Curl
from testkit.pace import longer
from testkit.ports import free_port
from testkit.receiver import Receiver
from testkit.scope import wait_until
from testkit.servers import Nginx
from testkit.traffic import Traffic

BACKOFF = {"initial": "100ms", "max": "300ms"}
NOWHERE = "127.0.0.1:1"


def paths(receiver):
    """Of the spans that came, in the order in which they came, each once."""
    return [span.attributes["url.path"] for span in receiver.spans()]


def balanced(account):
    return account["received"] == account["exported"] + sum(account["dropped"].values()) + account["held"]


def check_accounts(running, destination="otlp"):
    traces = running.accounts()
    assert traces["received"] == (sum(traces["dropped"].values()) + traces["held"]
                                  + traces["destinations"][destination]["received"]
                                  - traces["destinations"][destination]["recovered"]), traces
    assert all(balanced(account) for account in traces["destinations"].values()), traces
    return traces


def requests(nginx, curl, name, count=20):
    sent = [f"/items/{name}-{number}" for number in range(count)]
    for path in sent:
        curl.get(nginx.url + path)
    return sent


def wait_held(running, items, destination="otlp"):
    wait_until(lambda: running.accounts().get("destinations", {}).get(destination, {}).get("held") == items, 15,
               f"{items} items to be held")


@pytest.fixture
def curl(scope):
    return Curl(scope, leaf="clients")


def another_receiver(request, **options):
    receiver = Receiver(**options)
    request.addfinalizer(receiver.close)
    return receiver


@pytest.mark.parametrize("how", ["api", "hup"])
def test_another_receiver_without_another_worker(request, scope, receiver, agent, curl, how):
    nginx = Nginx(scope)
    running = agent()
    worker = running.worker_pid()
    first = requests(nginx, curl, "first")
    second_receiver = another_receiver(request)
    running.write_config({"otlp": {"endpoint": second_receiver.endpoint}})
    if how == "api":
        assert running.post("/admin/reload")[0] == 200
    else:
        running.process.send(signal.SIGHUP)
    wait_until(lambda: second_receiver.endpoint in running.get("/config")[1], 5, "the new configuration")
    second = requests(nginx, curl, "second")
    second_receiver.wait_for(1)
    wait_until(lambda: running.accounts()["destinations"]["otlp"]["held"] == 0, 10, "everything to be sent")
    assert running.worker_pid() == worker
    assert sorted(paths(receiver) + paths(second_receiver)) == sorted(first + second), "each once"
    assert set(paths(second_receiver)) >= set(second)
    check_accounts(running)


def test_a_refused_configuration_changes_nothing_and_says_why(scope, receiver, agent, curl):
    nginx = Nginx(scope)
    running = agent()
    worker, before = running.worker_pid(), running.get("/config")[1]
    for changes, key in (({"otlp": {"protocoll": "grpc"}}, "protocoll"),
                         ({"otlp": {"protocoll": None, "failover": ["ftp://x"]}}, "otlp.failover"),
                         ({"otlp": {"failover": [], "tls": {"ca_file": "/nowhere.pem"}}}, "/nowhere.pem")):
        settings = dict(running.settings)
        running.write_config(changes)
        status, body = running.post("/admin/reload")
        assert status == 422 and key in json.loads(body)["message"], body
        running.settings = settings
    running.write_config()
    assert running.get("/config")[1] == before
    assert running.worker_pid() == worker
    sent = requests(nginx, curl, "after", 3)
    receiver.wait_for(3)
    assert paths(receiver) == sent


def test_a_replaced_worker_keeps_nobody_waiting(scope, receiver, agent):
    """A change that cannot be applied in place, asked for through the API while requests come: the answer does not hold up
    the worker that gives it, and no span is missing."""
    nginx = Nginx(scope)
    running = agent()
    before = running.worker_pid()
    with Traffic(nginx.port, rate=300) as traffic:
        time.sleep(0.5)
        running.write_config({"agent": {"tracing": {"routes": ["/items/{item}"]}}})
        begin = time.monotonic()
        assert running.post("/admin/reload")[0] == 200
        wait_until(lambda: running.worker_pid() != before, 10, "another worker")
        took = time.monotonic() - begin
        running.wait_ready()
        time.sleep(0.5)
        sent = traffic.stop()
    assert took < longer(3), f"the worker took {took:.1f} s to make room for the next"
    came = receiver.wait_quiet()
    # What was under way between two workers is lost, and counted by the one that began it or not at all.
    assert len(set(sent) - {span.attributes["url.path"] for span in came}) <= 2
    assert {span.name for span in came} >= {"GET /items/{item}"}


def test_what_another_configuration_selects_is_traced_and_what_it_excludes_is_not(scope, receiver, agent, curl):
    kept, dropped = Nginx(scope), Nginx(scope)
    running = agent()
    requests(kept, curl, "before", 1)
    requests(dropped, curl, "before", 1)
    assert len(receiver.wait_for(2)) == 2
    running.write_config({"discovery": {"exclude_instrument": [{"open_ports": str(dropped.port)}]}})
    assert running.post("/admin/reload")[0] == 200
    requests(kept, curl, "without", 2)
    requests(dropped, curl, "without", 2)
    assert len(receiver.wait_for(4)) == 4, "the excluded one is not traced any more"
    running.write_config({"discovery": {"exclude_instrument": []}})
    assert running.post("/admin/reload")[0] == 200
    time.sleep(0.5)
    requests(dropped, curl, "again", 2)
    assert len(receiver.wait_for(6)) == 6


def test_a_killed_worker_leaves_its_queue_to_the_next(scope, receiver, agent, curl):
    """More than once, and while nobody takes anything."""
    nginx = Nginx(scope)
    running = agent(endpoint=NOWHERE, config={"backoff": BACKOFF})
    sent = []
    for life in range(3):
        before = running.worker_pid()
        sent += requests(nginx, curl, f"life-{life}")
        wait_held(running, len(sent))
        check_accounts(running)
        os.kill(before, signal.SIGKILL)  # of the scope's agent cgroup: the one that was started here
        wait_until(lambda: running.worker_pid() != before, 10, "another worker")
        running.wait_ready()
        wait_held(running, len(sent))
    running.write_config({"otlp": {"endpoint": receiver.endpoint}})
    assert running.post("/admin/reload")[0] == 200
    receiver.wait_for(len(sent))
    assert paths(receiver) == sent, "all of them, each once, in order"
    assert running.metric("telegen_pipeline_recovered_total") == len(sent)
    assert running.metric("telegen_queue_resent_total") == 0


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_spool_outlives_the_agent(scope, receiver, agent, curl, end):
    nginx = Nginx(scope)
    spool = scope.directory / "spool"
    config = {"backoff": BACKOFF, "queues": {"spool": {"directory": str(spool), "max_size": "8Mi"}},
              "telegen": {"shutdown_timeout": "1s"}}
    sent = []
    for life in range(2):
        running = agent(endpoint=NOWHERE, config=config)
        sent += requests(nginx, curl, f"life-{life}")
        wait_held(running, len(sent))
        running.stop(end)
    assert spool.stat().st_mode & 0o777 == 0o700
    running = agent(config=config)
    receiver.wait_for(len(sent))
    assert paths(receiver) == sent, "all of them, each once, in order"
    assert running.metric("telegen_pipeline_recovered_total") == len(sent)
    wait_until(lambda: running.metric("telegen_pipeline_held", signal="traces") == 0, 10, "nothing to be held")
    check_accounts(running)
    assert running.losses() == {}


def test_two_agents_do_not_share_a_spool(scope, agent):
    config = {"queues": {"spool": {"directory": str(scope.directory / "spool")}}, "telegen": {"shutdown_timeout": "1s"}}
    agent(config=config)
    second = Agent(scope, NOWHERE, config=config).start(ready=False)
    assert second.process.wait(15) == 2
    assert "another agent uses the spool directory" in second.process.output()


def test_failover_and_copies(request, scope, receiver, agent, curl):
    nginx = Nginx(scope)
    archive = another_receiver(request, protocol="http")
    config = {"backoff": BACKOFF, "otlp": {
        "failover": [receiver.endpoint],
        "destinations": [{"name": "archive", "endpoint": archive.endpoint, "protocol": "http", "compression": "zstd",
                          "signals": ["traces"]}]}}
    running = agent(endpoint=f"127.0.0.1:{free_port()}", config=config)
    sent = requests(nginx, curl, "copied")
    receiver.wait_for(len(sent))
    archive.wait_for(len(sent))
    assert sorted(paths(receiver)) == sorted(sent) == sorted(paths(archive))
    for destination in ("otlp", "archive"):
        assert check_accounts(running, destination)["destinations"][destination]["exported"] == len(sent)
    assert all(arrival.headers.get("content-encoding") == "zstd" for arrival in archive.arrivals)
