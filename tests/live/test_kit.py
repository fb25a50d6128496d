"""The tests' own tools, tested without the agent: what they say must be believable before they judge it."""

import gzip
import os
import signal
import socket
import time
import urllib.request

import grpc
import pytest
import zstandard
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service_grpc

from testkit import call_cost, pages
from testkit.agent import Agent, parse_metrics, telegen
from testkit.clients import Curl, ExactLoad, RawClient, Wrk, compiled, parse_wrk
from testkit.pace import fewer, longer
from testkit.ports import free_port, wait_for_listener
from testkit.receiver import Faults
from testkit.scope import Scope, ScopeError, wait_until
from testkit.servers import Nginx, NodeServer, PythonServer, ScriptedServer
from testkit.spans import SERVER, Span
from testkit.truth import Truth, compare_client, compare_server, match_up, split_host


def request_with(spans=1, change=None):
    """A request that breaks no rule, unless `change` makes it."""
    request = service.ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add(schema_url="https://opentelemetry.io/schemas/1.44.0")
    attribute = resource_spans.resource.attributes.add(key="service.name")
    attribute.value.string_value = "shop"
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name, scope_spans.scope.version = "telegen", "0.1.0"
    for number in range(spans):
        span = scope_spans.spans.add(trace_id=os.urandom(16), span_id=os.urandom(8), name="GET", kind=SERVER,
                                     start_time_unix_nano=1_000_000 + number, end_time_unix_nano=2_000_000 + number)
        span.attributes.add(key="http.request.method").value.string_value = "GET"
    if change:
        change(request, scope_spans.spans[0])
    return request


def post(receiver, body, encoding=None, path="/v1/traces"):
    headers = {"Content-Type": "application/x-protobuf", **({"Content-Encoding": encoding} if encoding else {})}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(receiver.endpoint + path, body, headers), timeout=5) as answer:
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers)


def export(receiver, request, **options):
    with grpc.insecure_channel(receiver.endpoint) as channel:
        return service_grpc.TraceServiceStub(channel).Export(request, timeout=5, **options)


def test_grpc_receiver_keeps_every_field(receiver):
    export(receiver, request_with(3), compression=grpc.Compression.Gzip)
    spans = receiver.wait_for(3, settle=0)
    assert [s.name for s in spans] == ["GET"] * 3
    assert spans[0].attributes == {"http.request.method": "GET"} and spans[0].service == "shop"
    assert (spans[0].start, spans[0].end, spans[0].kind) == (1_000_000, 2_000_000, SERVER)
    assert spans[0].scope == ("telegen", "0.1.0") and spans[0].schema_url.endswith("1.44.0")
    assert len(spans[0].trace_id) == 32 and len(spans[0].span_id) == 16 and spans[0].parent_id == ""
    assert [(a.protocol, a.spans, a.accepted) for a in receiver.arrivals] == [("grpc", 3, True)]


@pytest.mark.parametrize("encoding, encode", [
    (None, bytes), ("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)])
def test_http_receiver_decodes(receivers, encoding, encode):
    receiver = receivers("http")
    status, headers = post(receiver, encode(request_with(2).SerializeToString()), encoding)
    assert (status, headers["Content-Type"]) == (200, "application/x-protobuf")
    assert len(receiver.spans(service="shop", kind=SERVER)) == 2
    assert receiver.arrivals[0].headers.get("content-encoding") == encoding


def _duplicate_attribute(_, span):
    span.attributes.add(key="http.request.method").value.string_value = "GET"


def _unset_value(_, span):
    span.attributes.add(key="url.path")


def _unknown_field(request, span):
    span.MergeFromString(b"\xfa\x3f\x01x")  # field 1023, a string


def _set(**fields):
    def change(_, span):
        for key, value in fields.items():
            setattr(span, key, value)
    return change


@pytest.mark.parametrize("change, complaint", [
    (_set(trace_id=b"short"), "trace_id"), (_set(trace_id=bytes(16)), "trace_id"), (_set(span_id=bytes(8)), "span_id"),
    (_set(parent_span_id=bytes(8)), "parent_span_id"), (_set(name=""), "no name"), (_set(kind=0), "kind 0"),
    (_set(end_time_unix_nano=5), "start"), (_set(start_time_unix_nano=0), "start"), (_set(flags=1 << 20), "reserved"),
    (_set(dropped_attributes_count=1), "dropped"), (_duplicate_attribute, "twice"), (_unset_value, "not set"),
    (_unknown_field, "unknown field /resource_spans[0]/scope_spans[0]/spans[0]#1023"),
    (lambda _, s: s.attributes.add(key="http.method"), "http.method is not in semconv_allowed.txt"),
    (lambda _, s: setattr(s.status, "message", "odd"), "status"),
    (lambda r, _: r.resource_spans[0].resource.ClearField("attributes"), "without service.name"),
    (lambda r, _: setattr(r.resource_spans[0], "schema_url", "1.44"), "schema_url"),
    (lambda r, _: r.resource_spans[0].scope_spans[0].ClearField("scope"), "instrumentation scope"),
    (lambda r, _: r.ClearField("resource_spans"), "without resource_spans")])
def test_receiver_complains(receivers, change, complaint):
    receiver = receivers("http")
    post(receiver, request_with(1, change).SerializeToString())
    found, receiver.problems[:] = list(receiver.problems), []
    assert any(complaint in text for text in found), found


def test_receiver_complains_of_bad_utf8_and_of_a_span_sent_twice(receivers):
    receiver = receivers("http")
    body = request_with(1).SerializeToString()
    assert post(receiver, body.replace(b"telegen", b"tele\xff\xfen"))[0] == 400
    assert post(receiver, body)[0] == 200 and post(receiver, body)[0] == 200
    found, receiver.problems[:] = list(receiver.problems), []
    assert len(found) == 2 and "cannot be decoded" in found[0] and "exported twice" in found[1], found


def test_receiver_faults(receivers):
    over_http = receivers("http", faults=Faults(reject=[(503, {"Retry-After": "1"})], partial=(1, "no room")))
    body = request_with(1).SerializeToString()
    status, headers = post(over_http, body)
    assert (status, headers["Retry-After"]) == (503, "1") and not over_http.spans()
    assert post(over_http, body)[0] == 200 and len(over_http.spans()) == 1
    assert [a.accepted for a in over_http.arrivals] == [False, True]

    over_grpc = receivers("grpc", faults=Faults(reject=[(grpc.StatusCode.UNAVAILABLE, "later")], partial=(2, "half")))
    request = request_with(2)
    with pytest.raises(grpc.RpcError) as error:
        export(over_grpc, request)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE and error.value.details() == "later"
    assert export(over_grpc, request).partial_success.rejected_spans == 2
    assert export(over_grpc, request_with(1)).partial_success.rejected_spans == 0


def test_mutual_tls(receivers, authority):
    server, client = authority.issue("server"), authority.issue("client", client=True)
    receiver = receivers("grpc", tls=server, client_ca=authority.certificate)
    root = authority.certificate.read_bytes()

    def send(credentials):
        with grpc.secure_channel(receiver.endpoint, credentials) as channel:
            service_grpc.TraceServiceStub(channel).Export(request_with(1), timeout=5)

    send(grpc.ssl_channel_credentials(root, client.key.read_bytes(), client.certificate.read_bytes()))
    with pytest.raises(grpc.RpcError):
        send(grpc.ssl_channel_credentials(root))
    assert len(receiver.spans()) == 1


def test_a_scope_holds_what_it_starts_and_leaves_nothing():
    with Scope() as scope:
        sleeper = scope.start(["sleep", "60"])
        assert scope.pids("traced") == [sleeper.pid] and scope.pids("agent") == []
        with open(f"/proc/{sleeper.pid}/cgroup") as file:
            assert f"0::/{scope.name}/traced\n" in file.read()
        assert scope.selector == f"cgroup=/{scope.name}/traced"
        assert scope.run(["echo", "hello"]) == "hello\n"
        with pytest.raises(ScopeError, match="ended with 3"):
            scope.run(["sh", "-c", "exit 3"])
    assert not scope.root.exists() and not scope.directory.exists() and not sleeper.alive()


def test_a_scope_says_what_was_left_behind():
    scope = Scope()
    scope.start(["sh", "-c", "sleep 61 & exit 0"]).wait()
    with pytest.raises(ScopeError, match="processes left in traced"):
        scope.close()
    assert not scope.root.exists()


@pytest.mark.parametrize("options", [
    {"arguments": ["--instrument", "pids=1"]}, {"arguments": ["--instrument=pids=1"]},
    {"config": {"discovery": {"instrument": []}}}, {"environment": {"TELEGEN_DISCOVERY_INSTRUMENT": ""}}])
def test_the_agent_cannot_be_widened(scope, options):
    with pytest.raises(AssertionError, match="the scope does"):
        Agent(scope, **options)


def test_the_agent_is_always_scoped(scope):
    agent = Agent(scope, command=("run",))
    at = agent.argv.index("--instrument")
    assert agent.argv[at + 1] == scope.selector
    agent.argv = agent.argv[:at]
    with pytest.raises((AssertionError, FileNotFoundError)):
        agent.start()
    with pytest.raises(AssertionError, match="may instrument"):
        telegen(scope, "run")


def test_metrics_parser():
    samples = parse_metrics('# HELP a b\n# TYPE a counter\na{x="1",y="q\\"t"} 2\nb 3.5\n')
    assert [(s.name, s.labels, s.value) for s in samples] == [("a", {"x": "1", "y": 'q\\"t'}, 2.0), ("b", {}, 3.5)]
    with pytest.raises(ValueError):
        parse_metrics("no metrics here at all")


def test_wrk_parser():
    text = ("  12345 requests in 10.05s, 2.00MB read\n  Socket errors: connect 1, read 2, write 3, timeout 4\n"
            "  Non-2xx or 3xx responses: 7\nRequests/sec:   1228.36\n")
    assert parse_wrk(text) == {"requests": 12345, "seconds": 10.05, "rate": 1228.36, "errors": [1, 2, 3, 4], "not_2xx": 7}
    with pytest.raises(ValueError):
        parse_wrk("unable to connect")


def test_hosts():
    assert split_host("a:81") == ("a", 81) and split_host("a") == ("a", 80) and split_host("[::1]:8") == ("::1", 8)


def span_of(truth, **changes):
    """The span that a perfect agent would make."""
    a = {"http.request.method": truth.method, "http.response.status_code": truth.status, "url.path": truth.path,
         "url.query": truth.query, "url.scheme": "http", "http.route": truth.route, "telegen.http.route.guessed": True,
         "server.address": "shop", "server.port": 81, "client.address": truth.peer_address,
         "network.peer.address": truth.peer_address, "network.peer.port": truth.peer_port,
         "network.protocol.version": "1.1", "user_agent.original": truth.user_agent,
         "http.response.body.size": truth.response_body, **changes.pop("attributes", {})}
    return Span(**{"name": f"{truth.method} {truth.route}", "kind": SERVER, "trace_id": "a" * 32, "span_id": "b" * 16,
                   "parent_id": "", "start": int(truth.start * 1e9), "end": int(truth.end * 1e9), "attributes": a,
                   "resource": {"service.name": "shop", "process.pid": 7, "host.name": socket.gethostname(),
                                "os.type": "linux"}, **changes})


A_TRUTH = Truth("GET", "/orders/1", 200, query="n=1", host="shop:81", user_agent="x/1", response_body=5,
                peer_address="127.0.0.1", peer_port=4000, start=100.0, end=100.5, duration=0.5, route="/orders/{id}",
                service="shop", pids=[7])


def test_comparison_accepts_a_perfect_span():
    compare_server(span_of(A_TRUTH), A_TRUTH)
    assert match_up([span_of(A_TRUTH)], [A_TRUTH])[0][1] is A_TRUTH


@pytest.mark.parametrize("changes", [
    *[{"attributes": {key: "wrong"}} for key in (
        "http.request.method", "http.response.status_code", "url.path", "url.query", "url.scheme", "http.route",
        "server.address", "server.port", "client.address", "network.peer.address", "network.peer.port",
        "network.protocol.version", "user_agent.original", "http.response.body.size", "error.type",
        "http.request.body.size", "http.request.method_original")],
    {"attributes": {"telegen.http.route.guessed": None}}, {"attributes": {"telegen.partial": True}}, {"kind": 3},
    {"name": "GET"}, {"status": 2}, {"start": int((100 - longer(0.2)) * 1e9)}, {"end": int((100.5 + longer(0.1)) * 1e9)},
    {"resource": {"service.name": "shop"}},
    {"resource": {"service.name": "other", "process.pid": 7, "host.name": socket.gethostname(), "os.type": "linux"}}])
def test_comparison_sees_every_field(changes):
    with pytest.raises(AssertionError, match="differs from what happened"):
        compare_server(span_of(A_TRUTH, **changes), A_TRUTH)


def test_comparison_of_a_client_and_of_missing_spans():
    with pytest.raises(AssertionError, match="url.full"):
        compare_client(span_of(A_TRUTH), A_TRUTH)
    with pytest.raises(AssertionError, match="1 of 1 requests have no span"):
        match_up([], [A_TRUTH])
    with pytest.raises(AssertionError, match="1 spans have no request"):
        match_up([span_of(A_TRUTH), span_of(A_TRUTH)], [A_TRUTH])


@pytest.mark.parametrize("server", [Nginx, PythonServer, NodeServer])
def test_servers_tell_the_truth(scope, server):
    served = server(scope)
    path = "/return" if server is Nginx else "/sleep/50"
    with RawClient(("127.0.0.1", served.port)) as client:
        before = time.time()
        status, _, body = client.get(f"{path}?a=b", host=served.host, headers=["User-Agent: raw/1"])
        after = time.time()
        assert status == 200 and body
        wait_until(served.truths, 5, "the server's log")
        truth = served.truths()[0]
        assert (truth.method, truth.path, truth.query, truth.status, truth.version) == ("GET", path, "a=b", 200, "1.1")
        assert (truth.host, truth.user_agent, truth.peer_address) == (served.host, "raw/1", "127.0.0.1")
        assert (truth.peer_port, truth.response_body) == (client.port, len(body))
        assert before - 0.05 <= truth.end <= after + longer(0.1) and truth.pids[0] in served.pids
        assert (0 if server is Nginx else 0.045) <= truth.duration <= after - before + 0.005


def test_scripted_server_writes_exactly_that(scope):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    served = ScriptedServer(scope, [[(0, answer)], [(0, answer[:5]), (0.05, answer[5:])]])
    with RawClient(("127.0.0.1", served.port)) as client:
        assert client.get("/scripted/0")[2] == b"hi" and client.get("/scripted/1")[2] == b"hi"


def test_load_generators(scope):
    nginx = Nginx(scope)
    counted = ExactLoad(scope).run(nginx.port, 300, connections=7)
    assert (counted["requests"], counted["answered"], counted["bad"]) == (300, 300, 0)
    counted = ExactLoad(scope).run(nginx.port, 100, connections=3, close=True)
    assert counted["answered"] == 100
    counted = ExactLoad(scope).run(nginx.port, 200, connections=4, rate=1000)
    assert counted["answered"] == 200 and counted["seconds"] > 0.15
    full = Wrk(scope).run(nginx.url + "/return", 1, connections=4)
    assert full["requests"] > fewer(100) and full["errors"] == [0, 0, 0, 0] and full["not_2xx"] == 0
    wait_until(lambda: len(nginx.truths()) >= 600 + full["requests"], 5, "the log")
    assert 0 <= len(nginx.truths()) - 600 - full["requests"] <= 4
    assert {t.query for t in nginx.truths()[:300]} == {f"n={n}" for n in range(300)}


def test_curl_tells_the_truth(scope):
    nginx = Nginx(scope)
    record, = Curl(scope).get(nginx.url + "/return", options=["-X", "PUT", "-d", "abc"])
    truth = wait_until(nginx.truths, 5, "the log")[0]
    assert (record["status"], record["local_port"], record["remote_port"]) == (200, truth.peer_port, nginx.port)
    assert (record["method"], record["size"], record["upload"]) == ("PUT", truth.response_body, 3)
    assert (truth.method, truth.request_body, truth.user_agent) == ("PUT", 3, Curl.user_agent())


READS = ["read", "readv", "recvfrom", "recvmsg", "recvmmsg"]
WRITES = ["write", "writev", "sendto", "sendmsg", "sendmmsg", "sendfile"]


@pytest.mark.parametrize("share, call", [("none", n) for n in range(6)] + [(s, 0) for s in ("fork", "split", "dup", "pass")])
def test_io_matrix_serves(scope, share, call):
    port = free_port()
    process = scope.start([compiled("io_matrix"), "--listen", f"tcp4:{port}", "--read", READS[call % 5], "--write",
                           WRITES[call], "--share", share])
    wait_for_listener(("127.0.0.1", port), process)
    with RawClient(("127.0.0.1", port)) as client:
        for size in (0, 1, 100_000):
            assert len(client.get(f"/size/{size}")[2]) == size
        client.send(b"POST /size/5 HTTP/1.1\r\nContent-Length: 50000\r\n\r\n" + b"x" * 50000, sizes=[3, 40000])
        assert client.response()[2] == b"bbbbb" or WRITES[call] == "sendfile"
    process.send(signal.SIGTERM)
    process.wait()


def costs(**added):
    """Figures of compare() in which each column of a candidate has the values given, or this kernel does not have it."""
    columns = {name: dict.fromkeys(call_cost.COLUMNS, values) for name, values in added.items() if values}
    return {"candidates": {name: [] if values else ["trampoline"] for name, values in added.items()},
            "without": dict.fromkeys(call_cost.COLUMNS, [1000, 1002]), "added": columns}


def test_costs_as_a_table():
    head, rule, without, *rows = call_cost.table(costs(one=[1500, 1500], two=None, three=[20, 4, 6, 5, 1, 7, 900]))
    count = len(call_cost.COLUMNS)
    assert head.count("|") == rule.count("|") == count + 2
    assert without == "| without Telegen |" + " 1,001 |" * count
    assert rows == ["| `one` |" + " +1,500 |" * count, "| `two` |" + " – |" * count, "| `three` |" + " +6 (4 to 20) |" * count]


def test_costs_that_contradict_the_order():
    assert call_cost.misplaced(costs(one=[10], two=None, three=[20], four=[20])) == []
    assert call_cost.misplaced(costs(one=[100], two=[200], three=[150])) == [("two", "three")]
    assert call_cost.misplaced(costs(one=[100], two=[99])) == [], "as good as the same"
    figures = costs(one=[100], two=[90])
    figures["added"]["two"]["other/pipe"] = [102]
    assert call_cost.misplaced(figures) == [], "cheaper for some calls and dearer for others: not for a table to decide"


def test_figures_are_put_into_a_page_between_their_markers(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A\n<!-- x: begin -->\nold\n<!-- x: end -->\n<!-- y: begin -->\nkept\n<!-- y: end -->\n")
    pages.publish("new\n", page, "x")
    assert page.read_text() == "# A\n<!-- x: begin -->\nnew\n<!-- x: end -->\n<!-- y: begin -->\nkept\n<!-- y: end -->\n"
    with pytest.raises(ValueError):
        pages.publish("new", page, "z")
