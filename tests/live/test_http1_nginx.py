"""Unmodified nginx: every field of every server span against nginx's own access log."""

import os

import pytest

from testkit.clients import Curl, RawClient
from testkit.servers import Nginx
from testkit.spans import CLIENT, SERVER
from testkit.truth import compare_server, match_up


def check(receiver, nginx, count, slack=0.03, **options):
    receiver.wait_for(count, kind=SERVER, service="nginx")
    truths = nginx.truths(**options)
    assert len(truths) == count, "the test's own count differs from nginx's log"
    for span, truth in match_up(receiver.spans(kind=SERVER, service="nginx"), truths):
        compare_server(span, truth, slack)


def test_methods_statuses_queries_and_sizes(scope, receiver, agent):
    nginx = Nginx(scope, workers=2)
    agent()
    curl = Curl(scope, leaf="clients")
    base = nginx.url
    curl.get(f"{base}/return", f"{base}/return?a=1&b=%20x", f"{base}/status/404", f"{base}/status/503", f"{base}/missing")
    curl.get(f"{base}/return", options=["-A", "my agent/1.0 (x; y)"])
    curl.get(f"{base}/return", options=["-X", "PUT", "--data-binary", "x" * 3000])
    curl.get(f"{base}/return", options=["-I"])
    curl.get(f"{base}/return", options=["-X", "DELETE"])
    curl.get(f"{base}/return", options=["-H", "Host: shop.example"])
    curl.get(f"{base}/return", options=["-H", "Host: shop.example:8080", "--http1.0"])
    check(receiver, nginx, 11)


def test_a_guessed_route_has_low_cardinality(scope, receiver, agent):
    nginx = Nginx(scope)
    agent()
    paths = [f"/items/{n}" for n in (1, 22, 33333, 4_444_444)]
    Curl(scope, leaf="clients").get(*[nginx.url + path for path in paths])
    check(receiver, nginx, 4, route=lambda path: "/items/{id}")


def test_keep_alive_and_a_new_connection_each_time(scope, receiver, agent):
    nginx = Nginx(scope)
    agent()
    with RawClient(("127.0.0.1", nginx.port)) as client:
        for number in range(20):
            assert client.get(f"/return?n={number}")[0] == 200
    for number in range(20, 30):
        with RawClient(("127.0.0.1", nginx.port)) as client:
            assert client.get(f"/return?n={number}", headers=["Connection: close"])[0] == 200
    check(receiver, nginx, 30)


def test_pipelining(scope, receiver, agent):
    nginx = Nginx(scope)
    agent()
    with RawClient(("127.0.0.1", nginx.port)) as client:
        client.send(b"".join(b"GET /pipelined/%d?n=%d HTTP/1.1\r\nHost: a\r\n\r\n" % (n, n) for n in range(10)))
        assert [client.response()[0] for _ in range(10)] == [200] * 10
    # nginx starts its clock when it begins to parse a request; the span starts when the request's bytes arrived.
    check(receiver, nginx, 10, slack=0.1)


def test_a_file_sent_by_sendfile(scope, receiver, agent):
    nginx = Nginx(scope, http="sendfile on;")
    agent()
    record, = Curl(scope, leaf="clients").get(nginx.url + "/big.bin")
    assert record["size"] == 1 << 20
    check(receiver, nginx, 1)
    assert receiver.spans(kind=SERVER)[0].attributes["http.response.body.size"] == 1 << 20


@pytest.mark.parametrize("flags", ["01", "00"])
def test_the_parent_is_read_from_the_request(scope, receiver, agent, flags):
    nginx = Nginx(scope)
    agent()
    trace, parent = os.urandom(16).hex(), os.urandom(8).hex()
    Curl(scope, leaf="clients").get(nginx.url + "/return", options=[
        "-H", f"traceparent: 00-{trace}-{parent}-{flags}", "-H", "tracestate: vendor=a:1,other=b"])
    if flags == "00":  # parentbased_always_on: the sender decided against it
        Curl(scope, leaf="clients").get(nginx.url + "/items/2")  # shows that the agent sees this server at all
        assert [s.attributes["url.path"] for s in receiver.wait_for(1, settle=1.5)] == ["/items/2"]
        return
    check(receiver, nginx, 1)
    span, = receiver.spans()
    assert (span.trace_id, span.parent_id, span.trace_state) == (trace, parent, "vendor=a:1,other=b")
    assert span.flags & 0x301 == 0x301, f"sampled, and the parent is known to be remote: {span.flags:#x}"


def test_without_a_parent_a_span_is_a_root(scope, receiver, agent):
    nginx = Nginx(scope)
    agent()
    Curl(scope, leaf="clients").get(nginx.url + "/return", nginx.url + "/return")
    spans = receiver.wait_for(2)
    assert [s.parent_id for s in spans] == ["", ""] and len({s.trace_id for s in spans}) == 2


@pytest.mark.parametrize("bad", ["00-" + "0" * 32 + "-1111111111111111-01", "ff-" + "1" * 32 + "-1111111111111111-01",
                                 "00-" + "A" * 32 + "-1111111111111111-01", "garbage"])
def test_an_invalid_traceparent_is_no_parent(scope, receiver, agent, bad):
    nginx = Nginx(scope)
    agent()
    Curl(scope, leaf="clients").get(nginx.url + "/return", options=["-H", f"traceparent: {bad}"])
    span, = receiver.wait_for(1)
    assert span.parent_id == "" and span.trace_id not in bad.lower()


def test_a_proxy_is_a_server_and_a_client(scope, receiver, agent):
    backend = Nginx(scope)
    front = Nginx(scope, locations=f"location /proxied/ {{ proxy_pass http://127.0.0.1:{backend.port}/items/; }}")
    agent()
    Curl(scope, leaf="clients").get(front.url + "/proxied/7")
    spans = receiver.wait_for(3)
    assert sorted(s.kind for s in spans) == [SERVER, SERVER, CLIENT]
    (client,) = [s for s in spans if s.kind == CLIENT]
    assert client.attributes["url.full"] == f"http://{backend.host}/items/7"
    assert client.attributes["server.port"] == backend.port and client.resource["process.pid"] in front.workers
    for server, truth in match_up(receiver.spans(kind=SERVER), front.truths() + backend.truths()):
        compare_server(server, truth)


def test_a_trace_is_sampled_as_a_whole(scope, receiver, agent):
    backend = Nginx(scope)
    front = Nginx(scope, locations=f"""location /proxied/ {{ proxy_pass http://127.0.0.1:{backend.port}/items/;
        proxy_set_header traceparent ""; }}""")
    agent(config={"otlp": {"traces": {"sampler": "parentbased_traceidratio", "sampler_arg": 0.3}}})
    curl = Curl(scope, leaf="clients")
    curl.get(*[f"{front.url}/proxied/{number}" for number in range(100)])
    caller = "00-" + "1" * 16 + "%016x-1111111111111111-%s"
    for number in range(20):  # whatever their ids say: their caller has decided
        for flags in ("00", "01"):
            curl.get(f"{front.url}/proxied/c{flags}-{number}", options=["-H", "traceparent: " + caller % (number + 1, flags)])
    traces = {}
    for span in receiver.wait_quiet():
        traces.setdefault(span.trace_id, []).append(span)
    assert {len(spans) for spans in traces.values()} == {3}
    decided = [spans for trace, spans in traces.items() if trace.startswith("1" * 16)]
    assert len(decided) == 20
    assert all("c00" not in str(span.attributes) for spans in decided for span in spans)
    assert 5 <= len(traces) - len(decided) <= 60


def test_a_process_outside_the_scope_is_not_seen(scope, receiver, agent):
    nginx = Nginx(scope)
    agent()
    Curl(scope, leaf="clients").get(nginx.url + "/return")
    spans = receiver.wait_for(1, settle=1.5)
    assert len(spans) == 1 and spans[0].kind == SERVER, "curl was outside, only nginx may be seen"


def test_a_server_that_starts_later_is_seen_from_its_first_request(scope, receiver, agent):
    agent()
    nginx = Nginx(scope)
    Curl(scope, leaf="clients").get(nginx.url + "/return")
    check(receiver, nginx, 1)
