"""What goes wrong between the agent and a real collector loses nothing that the budgets hold, keeps the order, and repeats
nothing but what at-least-once has to, which is counted.

TELEGEN_AWAY_SECONDS says how long a collector is away (a quick run: 8; the run that the documentation speaks of: 600)."""

import json
import os
import signal
import subprocess
import time
from collections import Counter

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from testkit.collector import Collector
from testkit.link import BreakingLink, SlowNetwork
from testkit.receiver import Faults, Receiver
from testkit.scope import wait_until
from testkit.servers import Nginx
from testkit.traffic import Traffic

AWAY = float(os.environ.get("TELEGEN_AWAY_SECONDS", "8"))
QUICK = {"backoff": {"initial": "100ms", "max": "1s"}, "otlp": {"timeout": "3s", "traces": {"batch_timeout": "100ms"}}}


def check_invariant(running):
    traces = running.accounts()
    destination = traces["destinations"]["otlp"]
    assert destination["received"] == (destination["exported"] + sum(destination["dropped"].values())
                                       + destination["held"]), traces
    assert traces["received"] == (sum(traces["dropped"].values()) + traces["held"] + destination["received"]
                                  - destination["recovered"]), traces


def wait_sent(running, sent, timeout=60):
    """Until the agent has seen all of it and holds nothing any more."""
    def nothing_held():
        check_invariant(running)
        return (running.accounts()["received"] >= len(sent)
                and running.metric("telegen_pipeline_held", signal="traces") == 0)

    wait_until(nothing_held, timeout, "everything to be sent")


def repeats(running):
    return sum(running.metric(name) for name in ("telegen_export_possible_duplicates_total", "telegen_queue_resent_total"))


def compare(sent, paths, most_repeats=0):
    """All that was sent came, and no more of it twice than was counted. `paths` says what came so far: a collector writes
    its file a moment later."""
    try:
        wait_until(lambda: set(sent) <= set(paths()), 10, "all of it to be written")
    except TimeoutError:
        pass
    count = Counter(paths())
    assert not set(count) - set(sent), "spans of no request"
    assert not set(sent) - set(count), f"{len(set(sent) - set(count))} of {len(sent)} are missing"
    twice = sum(count.values()) - len(count)
    assert twice <= most_repeats, f"{twice} came twice, where {most_repeats} may have"


def in_order(came):
    """Number of places at which the order is not that of the requests."""
    numbers = [int(path.rsplit("-", 1)[1]) for path in came]
    return sum(1 for one, two in zip(numbers, numbers[1:]) if two < one)


@pytest.fixture
def nginx(scope):
    return Nginx(scope)


@pytest.mark.timeout(120 + AWAY)
def test_a_collector_that_is_away_and_comes_back(scope, agent, nginx):
    collector = Collector(scope, debug=False)
    running = agent(endpoint=collector.endpoint, config=QUICK)
    with Traffic(nginx.port) as traffic:
        time.sleep(2)
        collector.stop()
        time.sleep(AWAY)
        attempts = running.metric("telegen_export_requests_total")
        assert attempts <= 20 + 1.2 * AWAY + 10, "a receiver that is away costs an attempt a second here"
        collector.start()
        time.sleep(3)
        sent = traffic.stop()
    wait_sent(running, sent)
    compare(sent, collector.paths, repeats(running))
    assert in_order(collector.paths()) <= 4 * (2 + len(sent) // 100), "backlog and live are each in order"
    assert running.losses() == {}


@pytest.mark.timeout(120 + AWAY)
def test_a_collector_that_stands_still(scope, agent, nginx):
    collector = Collector(scope, debug=False)
    running = agent(endpoint=collector.endpoint, config=QUICK)
    with Traffic(nginx.port) as traffic:
        time.sleep(1)
        collector.process.send(signal.SIGSTOP)
        time.sleep(AWAY)
        collector.process.send(signal.SIGCONT)
        time.sleep(2)
        sent = traffic.stop()
    wait_sent(running, sent)
    compare(sent, collector.paths, repeats(running))
    assert running.losses() == {}


def paths_of(receiver):
    return lambda: [span.attributes["url.path"] for span in receiver.spans()]


def overload_grpc():
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=700_000_000)))
    details = status_pb2.Status(code=8, message="slowly", details=[detail])
    return [(grpc.StatusCode.UNAVAILABLE, "away"), (grpc.StatusCode.ABORTED, "again"),
            (grpc.StatusCode.RESOURCE_EXHAUSTED, "slowly", (("grpc-status-details-bin", details.SerializeToString()),))]


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_receiver_that_has_too_much(request, scope, agent, nginx, protocol):
    rejections = (overload_grpc() if protocol == "grpc"
                  else [(429, {"Retry-After": "1"}), (503, {"Retry-After": "1"}), (502, {}), (504, {})])
    receiver = Receiver(protocol=protocol, faults=Faults(reject=list(rejections)))
    request.addfinalizer(receiver.close)
    running = agent(endpoint=receiver.endpoint, config={**QUICK, "otlp": {**QUICK["otlp"], "protocol": protocol}})
    with Traffic(nginx.port) as traffic:
        time.sleep(4)
        sent = traffic.stop()
    wait_sent(running, sent)
    compare(sent, paths_of(receiver))
    assert running.metric("telegen_export_requests_total", outcome="retry") == len(rejections)
    assert running.losses() == {}


def test_partial_success_is_counted_and_not_sent_again(request, scope, agent, nginx):
    receiver = Receiver(faults=Faults(partial=(3, "three were too old")))
    request.addfinalizer(receiver.close)
    running = agent(endpoint=receiver.endpoint, config=QUICK)
    with Traffic(nginx.port) as traffic:
        time.sleep(2)
        sent = traffic.stop()
    wait_sent(running, sent)
    account = running.accounts()["destinations"]["otlp"]
    assert (account["dropped"]["rejected"], account["exported"]) == (3, len(sent) - 3)
    compare(sent, paths_of(receiver))


def test_connections_that_are_reset_in_mid_request(request, scope, agent, nginx):
    collector = Collector(scope, debug=False)
    link = BreakingLink(("127.0.0.1", collector.ports["grpc"]), resets=[3000, 500, 9000, 2500, 700, 20_000])
    request.addfinalizer(link.close)
    running = agent(endpoint=link.endpoint, config=QUICK)
    with Traffic(nginx.port) as traffic:
        wait_until(lambda: link.broken >= 5, 40, "five connections to be reset")
        time.sleep(1)
        sent = traffic.stop()
    wait_sent(running, sent)
    compare(sent, collector.paths, repeats(running))
    assert running.losses() == {}


def test_a_link_of_a_kilobyte_a_second(request, scope, agent, nginx):
    network = SlowNetwork(1000)
    request.addfinalizer(network.close)
    collector = Collector(scope, host=network.host, run=network.run, debug=False)
    running = agent(endpoint=collector.endpoint, config=QUICK)
    with Traffic(nginx.port, rate=200) as traffic:
        time.sleep(15)
        sent = traffic.stop()
    wait_until(lambda: collector.paths(), 60, "anything at all to come through")
    network.make_fast()
    wait_sent(running, sent)
    compare(sent, collector.paths, repeats(running))
    assert running.losses() == {}


def test_a_certificate_that_has_expired(scope, agent, nginx, authority):
    pair = authority.issue("collector", expired=True)
    collector = Collector(scope, tls=pair, debug=False)
    running = agent(endpoint=f"https://localhost:{collector.ports['grpc']}",
                    config={**QUICK, "otlp": {**QUICK["otlp"], "tls": {"ca_file": str(authority.certificate)}}})
    with Traffic(nginx.port) as traffic:
        wait_until(lambda: "certificate" in running.get("/status/export")[1], 15, "the reason in /status/export")
        authority.issue("collector")  # in the same place; the collector reads it again
        time.sleep(3)
        sent = traffic.stop()
    wait_sent(running, sent)
    compare(sent, collector.paths, repeats(running))


def test_a_certificate_of_the_client_that_is_renewed(request, scope, agent, nginx, authority):
    """Mutual TLS: the agent's own certificate has expired, and a new one takes its place under the same name."""
    client = authority.issue("client", client=True, expired=True)
    receiver = Receiver(tls=authority.issue("server"), client_ca=authority.certificate)
    request.addfinalizer(receiver.close)
    running = agent(endpoint=receiver.endpoint, config={**QUICK, "otlp": {**QUICK["otlp"], "tls": {
        "enabled": True, "ca_file": str(authority.certificate), "cert_file": str(client.certificate),
        "key_file": str(client.key)}}})
    with Traffic(nginx.port) as traffic:
        time.sleep(3)
        assert not receiver.spans(), "the receiver lets an expired certificate pass"
        authority.issue("client", client=True)
        wait_until(receiver.spans, 30, "the new certificate to be used")
        sent = traffic.stop()
    wait_sent(running, sent)
    compare(sent, paths_of(receiver), repeats(running))


def test_a_name_that_is_gone_and_then_means_another_host(scope, agent, nginx):
    collector = Collector(scope, debug=False)
    hosts = scope.directory / "hosts"
    hosts.write_text("127.0.0.1 localhost\n127.0.0.1 receiver.test\n")
    wrapper = ["unshare", "--mount", "sh", "-c", f"mount --bind {hosts} /etc/hosts && exec \"$@\"", "sh"]
    running = agent(endpoint=f"receiver.test:{collector.ports['grpc']}", config=QUICK, wrapper=wrapper)
    with Traffic(nginx.port) as traffic:
        time.sleep(2)
        hosts.write_text("127.0.0.1 localhost\n")
        collector.stop()
        wait_until(lambda: "resolve" in running.get("/status/export")[1], 45, "the name to be unknown")
        other = Collector(scope, host="127.0.0.9", debug=False)
        hosts.write_text("127.0.0.1 localhost\n127.0.0.9 receiver.test\n")
        other.stop()
        other.ports = collector.ports
        other.config.write_text(collector.config.read_text().replace("127.0.0.1", "127.0.0.9"))
        other.start()
        time.sleep(3)
        sent = traffic.stop()
    wait_sent(running, sent)
    compare(sent, collector.paths, repeats(running))


def small_disk(scope, megabytes):
    image, place = scope.directory / "disk.img", scope.directory / "disk"
    with open(image, "wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    place.mkdir()
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    return place


def test_a_disk_that_is_full_frees_the_oldest_and_counts(request, scope, agent, nginx):
    place = small_disk(scope, 20)
    request.addfinalizer(lambda: subprocess.run(["umount", place], check=True))
    spool = place / "spool"
    config = {**QUICK, "queues": {"spool": {"directory": str(spool), "max_size": "1Gi"}},
              "otlp": {"compression": "none", "traces": {"batch_timeout": "100ms"}}, "telegen": {"shutdown_timeout": "2s"}}
    collector = Collector(scope, debug=False)
    collector.stop()
    running = agent(endpoint=collector.endpoint, config=config)
    with Traffic(nginx.port, rate=2000) as traffic:
        wait_until(lambda: running.accounts()["destinations"]["otlp"]["dropped"]["queue_full"] > 0, 90, "the disk to be full")
        time.sleep(1)
        sent = traffic.stop()
    check_invariant(running)
    collector.start()
    wait_sent(running, sent)
    dropped = running.accounts()["destinations"]["otlp"]["dropped"]["queue_full"]
    came = collector.paths()
    missing = set(sent) - set(came)
    assert len(missing) == dropped, "each that is missing is counted"
    oldest = sorted(int(path.rsplit("-", 1)[1]) for path in missing)
    assert oldest[-1] < len(sent) * 0.9, "the oldest went"


def test_a_worker_that_is_killed_again_and_again(scope, agent, nginx):
    collector = Collector(scope, debug=False)
    running = agent(endpoint=collector.endpoint, config=QUICK)
    kills, rate = 4, 100
    with Traffic(nginx.port, rate=rate) as traffic:
        for _ in range(kills):
            time.sleep(5)
            before = running.worker_pid()
            os.kill(before, signal.SIGKILL)  # of the scope's agent cgroup: the one that was started here
            wait_until(lambda before=before: running.worker_pid() != before, 10, "another worker")
            running.wait_ready()
        time.sleep(2)
        sent = traffic.stop()
    time.sleep(1)
    wait_sent(running, [])
    count = Counter(collector.paths())
    missing = len(set(sent) - set(count))
    # A dead worker takes what it had read from the ring and not encoded yet: a batch's time, and one look at the ring.
    assert missing <= kills * rate * (0.1 + 0.1 + 0.2), f"{missing} of {len(sent)} are missing"
    assert sum(count.values()) - len(count) <= kills * rate, "a request that was under way may come twice"


def test_other_configurations_under_load(scope, agent, nginx):
    collector = Collector(scope, debug=False)
    running = agent(endpoint=collector.endpoint, config=QUICK)
    worker = running.worker_pid()
    with Traffic(nginx.port, rate=500) as traffic:
        for number in range(20):
            time.sleep(0.4)
            running.write_config({"otlp": {"traces": {"batch_size": 50 + number}, "concurrency": 1 + number % 3}})
            status, body = running.post("/admin/reload")
            assert status == 200, body
            assert json.loads(running.get("/config")[1])["otlp"]["traces"]["batch_size"] == 50 + number
        sent = traffic.stop()
    wait_sent(running, sent)
    compare(sent, collector.paths, repeats(running))
    assert repeats(running) == 0
    assert running.worker_pid() == worker
    assert running.losses() == {}
