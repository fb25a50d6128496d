"""Metrics of requests, errors and durations against what nginx and the clients did, and against the spans that came."""

import os
import signal
import time
from collections import Counter, defaultdict

import pytest

from testkit.agent import BINARY, Agent, base_environment
from testkit.clients import Curl
from testkit.metrics import CUMULATIVE, DELTA
from testkit.pace import longer
from testkit.receiver import Receiver
from testkit.scope import wait_until
from testkit.servers import Nginx
from testkit.spans import CLIENT, SERVER

SERVED, SENT = "http.server.request.duration", "http.client.request.duration"
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
ROUTES = {"/items/": "/items/{item}", "/status/": "/status/{code}/{n}", "/return": "/return"}
ON = {"pipeline": {"metrics": {"enabled": True}}, "agent": {"tracing": {"routes": sorted(set(ROUTES.values()))}}}


def settings(**otlp):
    return {**ON, "otlp": otlp}


def requests(count):
    """(method, path), `count` of them, to all routes."""
    paths = ["/return", "/items/{}", "/status/404/{}", "/status/503/{}"]
    return [("GET", paths[n % 4].format(n)) for n in range(count)]


def route_of(path):
    return next(route for prefix, route in ROUTES.items() if path.startswith(prefix))


def attributes_of(method, path, status):
    """What the conventions want of a server's series."""
    failed = {"error.type": str(status)} if status >= 500 else {}
    return {"http.request.method": method, "url.scheme": "http", "http.response.status_code": status,
            "http.route": route_of(path), "network.protocol.version": "1.1", **failed}


def key(attributes):
    return tuple(sorted(attributes.items()))


def expected(truths):
    """{attributes: [seconds that nginx took]}"""
    series = defaultdict(list)
    for truth in truths:
        series[key(attributes_of(truth.method, truth.path, truth.status))].append(truth.duration)
    return series


def last_points(points):
    """Of each series the latest."""
    return list({point.series: point for point in points}.values())


def total(points):
    return sum(point.count for point in points)


def all_of(receiver, name=SERVED):
    """How many requests all points say there were, whatever their temporality: of a cumulative series that starts anew
    the last point of each life counts."""
    lives = {}
    for point in receiver.points(name=name):
        if point.flags == 0:
            lives[(point.series, point.start, point.time if point.temporality == DELTA else 0)] = point
    return total(lives.values())


def get(curl, nginx, wanted):
    curl.get(*[nginx.url + path for _, path in wanted])
    wait_until(lambda: len(nginx.truths()) >= len(wanted), 10, "nginx's log")


def flush(running):
    status, body = running.post("/admin/flush")
    assert status == 200, body


def check_exemplars(points, spans, name):
    """Every one refers to a span that came, with the same duration and attributes. Returns how many there are."""
    by_id = {(span.trace_id, span.span_id): span for span in spans}
    seen = 0
    for point in points:
        assert len(point.exemplars) <= 4
        for exemplar in point.exemplars:
            span = by_id.get((exemplar.trace_id, exemplar.span_id))
            assert span, f"dangling: {exemplar} of {name}"
            assert exemplar.value == pytest.approx(span.duration, abs=1e-9)
            assert point.attributes.items() <= span.attributes.items()
            assert point.resource == span.resource
            seen += 1
    return seen


def test_every_field_of_what_is_served_whatever_is_sampled(scope, receiver, agent):
    begin = time.time_ns()
    nginx = Nginx(scope)
    running = agent(config=settings(metrics={"interval": "1s"}, traces={"sampler": "traceidratio", "sampler_arg": 0.1,
                                                                        "batch_timeout": "200ms"}))
    wanted = requests(500)
    get(Curl(scope, leaf="clients"), nginx, wanted)
    wait_until(lambda: total(last_points(receiver.points(name=SERVED))) >= len(wanted), 15, "all requests in the metrics")
    flush(running)
    time.sleep(longer(1.5))  # one more interval: nothing grows
    points = receiver.points(name=SERVED)
    last = last_points(points)

    truths = expected(nginx.truths())
    assert {key(point.attributes): point.count for point in last} == {k: len(v) for k, v in truths.items()}
    assert total(last) == 500
    for point in last:
        took = truths[key(point.attributes)]
        assert (point.unit, point.temporality, point.bounds) == ("s", CUMULATIVE, BOUNDS)
        assert abs(point.sum - sum(took)) <= longer(0.03) * len(took)
        assert 0 < point.min <= point.max <= max(took) + longer(0.03)
        assert point.resource["service.name"] == "nginx" and point.resource["process.pid"] in nginx.workers
        assert begin < point.start < point.time < time.time_ns()
    for series in {point.series for point in points}:
        of_series = [point for point in points if point.series == series]
        assert len(of_series) >= 2 and len({point.start for point in of_series}) == 1, "cumulative since one start"
        assert [p.time for p in of_series] == sorted({p.time for p in of_series})
        assert [p.count for p in of_series] == sorted(p.count for p in of_series)

    spans = receiver.spans(kind=SERVER)
    assert 10 < len(spans) < 120, "a tenth of the traces was kept"
    assert check_exemplars(points, spans, SERVED) > 0
    check_own_figures(running, series=len(last), spans=500, sent=len(spans))


def check_own_figures(running, series, spans, sent):
    assert running.metric("telegen_application_series") == series
    assert running.metric("telegen_application_series_bytes") > 0
    assert running.metric("telegen_application_values_overflowed_total") == 0
    traces, metrics = running.accounts("traces"), running.accounts("metrics")
    assert (traces["received"], traces["dropped"]["sampled_out"]) == (spans, spans - sent)
    assert metrics["received"] == metrics["destinations"]["otlp"]["received"] > 0 and metrics["dropped"].total() == 0
    otlp = metrics["destinations"]["otlp"]
    assert otlp["received"] == otlp["exported"] + otlp["held"] and otlp["dropped"].total() == 0


@pytest.mark.parametrize("temporality, histogram, protocol", [
    ("cumulative", "explicit", "grpc"), ("delta", "explicit", "http"), ("cumulative", "exponential", "http"),
    ("delta", "exponential", "grpc")])
def test_histograms_are_those_of_the_spans(scope, receivers, agent, temporality, histogram, protocol):
    """Server and client, with every span sent: the metrics must say to the nanosecond what the spans say. Preferences come
    from the environment for one half."""
    receiver = receivers(protocol)
    nginx = Nginx(scope)
    environment = {}
    metrics = {"interval": "500ms"}
    if temporality == "delta":
        environment["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"] = "delta"
    if histogram == "exponential":
        metrics["histogram"] = "exponential"
    running = agent(endpoint=receiver.endpoint, environment=environment,
                    config=settings(metrics=metrics, protocol=protocol))
    for part in range(3):
        get(Curl(scope), nginx, requests(40))  # curl is traced too
        time.sleep(longer(0.6))
    wanted = 120
    wait_until(lambda: (all_of(receiver), all_of(receiver, SENT)) == (wanted, wanted), 15,
               "all requests in the metrics, at both ends")
    flush(running)
    for name, kind in ((SERVED, SERVER), (SENT, CLIENT)):
        spans, points = receiver.spans(kind=kind), receiver.points(name=name)
        assert len(spans) == wanted
        if temporality == "delta":
            assert {p.temporality for p in points} == {DELTA} and all(p.count for p in points)
            check_intervals_touch(points)
        else:
            assert {p.temporality for p in points} == {CUMULATIVE}
            check_exact(last_points(points), spans, name)
        assert sum(bool(p.bounds) for p in points) == (len(points) if histogram == "explicit" else 0)
        check_series_of(points, spans, kind)
        assert check_exemplars(points, spans, name) > 0
    for point in receiver.points(name=SENT):
        assert point.attributes["server.address"] == "127.0.0.1" and point.attributes["server.port"] == nginx.port
        assert "url.scheme" not in point.attributes and "http.route" not in point.attributes


def check_intervals_touch(points):
    ends = {}
    for point in points:
        assert ends.get(point.series, point.start) == point.start
        ends[point.series] = point.time


def of_series(point, spans):
    return [s for s in spans if s.resource == point.resource and point.attributes.items() <= s.attributes.items()
            and ("error.type" in point.attributes) == ("error.type" in s.attributes)]


def check_exact(points, spans, name):
    for point in points:
        took = [span.duration for span in of_series(point, spans)]
        assert point.count == len(took), name
        assert point.sum == pytest.approx(sum(took), abs=1e-9)
        assert (point.min, point.max) == (pytest.approx(min(took), abs=1e-9), pytest.approx(max(took), abs=1e-9))
        if point.bounds:
            assert point.buckets == [Counter(map(point.bucket_of, took))[i] for i in range(len(BOUNDS) + 1)]


def check_series_of(points, spans, kind):
    """Added up by series, points say how many spans there were, and how long all of them took."""
    counts, sums = Counter(), Counter()
    for point in points if points[0].temporality == DELTA else last_points(points):
        counts[point.series] += point.count
        sums[point.series] += point.sum
    by_series = {point.series: of_series(point, spans) for point in points}
    assert {series: len(found) for series, found in by_series.items()} == dict(counts)
    for series, found in by_series.items():
        assert sums[series] == pytest.approx(sum(span.duration for span in found), abs=1e-8)
    assert sum(counts.values()) == len(spans), f"every span of kind {kind} is in one series"


def test_another_temporality_without_another_worker(scope, receiver, agent):
    """Nothing is lost: what the cumulative series had is sent, and new ones start."""
    nginx = Nginx(scope)
    curl = Curl(scope, leaf="clients")
    running = agent(config=settings(metrics={"interval": "500ms"}))
    worker = running.worker_pid()
    get(curl, nginx, requests(40))
    receiver.wait_for(40)
    running.write_config({"otlp": {"metrics": {"temporality": "delta"}}})
    assert running.post("/admin/reload")[0] == 200
    get(curl, nginx, requests(40))
    wait_until(lambda: all_of(receiver) == 80, 15, "all requests in the metrics")
    cumulative, delta = (receiver.points(name=SERVED, temporality=each) for each in (CUMULATIVE, DELTA))
    assert (total(last_points(cumulative)), total(delta)) == (40, 40)
    assert min(p.start for p in delta) >= max(p.time for p in cumulative)
    assert running.worker_pid() == worker
    running.write_config({"pipeline": {"metrics": {"enabled": False}}})
    assert running.post("/admin/reload")[0] == 200
    get(curl, nginx, requests(4))
    receiver.wait_for(84)
    flush(running)
    assert all_of(receiver) == 80, "switched off"


def test_another_worker_starts_series_anew(scope, receiver, agent):
    nginx = Nginx(scope)
    curl = Curl(scope, leaf="clients")
    running = agent(config=settings(metrics={"interval": "300ms"}))
    get(curl, nginx, requests(20))
    wait_until(lambda: all_of(receiver) == 20, 15, "the first requests")
    first, killed = receiver.points(name=SERVED), time.time_ns()
    worker = running.worker_pid()
    os.kill(worker, signal.SIGKILL)  # of the scope's agent cgroup: the one that was started here
    wait_until(lambda: running.worker_pid() != worker, 10, "another worker")
    running.wait_ready()
    get(curl, nginx, requests(20))
    wait_until(lambda: all_of(receiver) == 40, 15, "the others")
    second = receiver.points(name=SERVED)[len(first):]
    again = [p for p in second if p.start > killed]
    assert total(last_points(again)) == 20
    assert {p.series for p in again} <= {p.series for p in first}, "the same series"


def test_too_many_series_lose_no_request(scope, receiver, agent):
    nginx = Nginx(scope)
    config = settings(metrics={"interval": "500ms"})
    config["pipeline"] = {"metrics": {"enabled": True, "max_series": 3}}
    running = agent(config=config)
    get(Curl(scope, leaf="clients"), nginx, requests(80))
    wait_until(lambda: total(last_points(receiver.points(name=SERVED))) == 80, 15, "all requests in the metrics")
    last = last_points(receiver.points(name=SERVED))
    assert len(last) == 3
    rest, = [p for p in last if p.attributes == {"otel.metric.overflow": True}]
    assert rest.count == 40 == running.metric("telegen_application_values_overflowed_total")


def test_the_last_are_sent_at_the_end_and_secrets_never(scope, receiver, agent):
    nginx = Nginx(scope)
    config = settings(metrics={"interval": "1h"}, traces={"sampler": "always_off"})
    config["agent"] = {"tracing": {"routes": []}}  # guessed: what looks like a word stays
    config["pipeline"] = {**config["pipeline"], "redaction": {"patterns": ["secret-[a-z]+"]}}
    running = agent(config=config)
    time.sleep(longer(1.5))  # the first interval is over
    Curl(scope, leaf="clients").get(*[nginx.url + p for p in ("/items/secret-one", "/items/secret-two", "/return")])
    assert running.stop() == 0
    points = receiver.points(name=SERVED)
    assert total(points) == 3 and receiver.spans() == []
    assert {p.attributes["http.route"]: p.count for p in points} == {"/items/[redacted]": 2, "/return": 1}
    assert all(not p.exemplars for p in points), "no span was sent"


@pytest.mark.usefixtures("agent")
def test_replay_sends_them_too(scope):
    nginx = Nginx(scope)
    file = scope.directory / "events.telegen"
    with Receiver("grpc") as unused:
        running = Agent(scope, unused.endpoint, command=("record", file)).start()
        get(Curl(scope, leaf="clients"), nginx, requests(20))
        assert running.stop() == 0, running.process.output()
    with Receiver("grpc") as receiver:
        config = scope.directory / "replay.yaml"
        config.write_text(f"otlp: {{endpoint: '{receiver.endpoint}'}}\n")
        process = scope.start([BINARY, "replay", file, "--config", config], name="replay", leaf="agent",
                              env=base_environment())
        assert process.wait(30) == 0, process.output()
        points, spans = receiver.points(name=SERVED), receiver.spans(kind=SERVER)
        assert total(points) == len(spans) == 20
        check_exact(points, spans, SERVED)
        assert check_exemplars(points, spans, SERVED) > 0
