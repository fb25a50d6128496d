"""The same bytes in any chunks, connections older than the agent, and sudden ends on every side."""

import os
import random
import signal
import time

import pytest

from testkit.clients import Curl, ExactLoad, RawClient
from testkit.pace import longer
from testkit.receiver import Receiver
from testkit.scope import wait_until
from testkit.servers import Nginx, PythonServer, ScriptedServer
from testkit.spans import ERROR, SERVER
from testkit.truth import compare_server, match_up


def random_sizes(generator, total):
    sizes = []
    while sum(sizes) < total:
        sizes.append(generator.choice([1, 1, 2, 3, 7, 20, 61, 200, 1400, 4096]))
    return sizes


@pytest.mark.parametrize("seed", range(5))
def test_random_chunks_of_requests(scope, receiver, agent, seed):
    generator = random.Random(seed)
    python = PythonServer(scope)
    agent()
    for number in range(8):
        with RawClient(("127.0.0.1", python.port)) as client:
            for turn in range(4):
                body = generator.randbytes(generator.choice([0, 1, 300, 20_000]))
                request = (f"POST /echo?n={number}&t={turn} HTTP/1.1\r\nHost: h\r\nUser-Agent: chaos/{seed}\r\n"
                           f"X-Filler: {'f' * generator.choice([0, 10, 1000])}\r\n"
                           f"Content-Length: {len(body)}\r\n\r\n").encode() + body
                client.send(request, random_sizes(generator, min(len(request), 600)), pause=0.0005)
                assert client.response()[2] == body
    receiver.wait_for(32)
    for span, truth in match_up(receiver.spans(), python.truths()):
        truth.duration = truth.start = None  # the handler's clock starts at the end of the request line
        compare_server(span, truth)


@pytest.mark.parametrize("seed", range(3))
def test_random_chunks_of_responses(scope, receiver, agent, seed):
    generator = random.Random(seed)
    body = generator.randbytes(3000)
    kinds = [b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + body,
             b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
             + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:1], body[1:2999], body[2999:])) + b"0\r\n\r\n",
             b"HTTP/1.1 204 No Content\r\n\r\n",
             b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + body]
    scripts = []
    for answer in kinds * 3:
        script, at = [], 0
        for size in random_sizes(generator, len(answer)):
            script.append((0.0005, answer[at:at + size]))
            at += size
        scripts.append([step for step in script if step[1]])
    served = ScriptedServer(scope, scripts)
    agent()
    with RawClient(("127.0.0.1", served.port)) as client:
        for number in range(len(scripts)):
            status = client.get(f"/scripted/{number}")[0]
            if status == 103:
                status = client.response()[0]
            assert status in (200, 204)
    spans = sorted(receiver.wait_for(len(scripts)), key=lambda s: s.start)
    for number, span in enumerate(spans):
        a = span.attributes
        assert a["url.path"] == f"/scripted/{number}" and "telegen.partial" not in a
        assert a["http.response.status_code"] == (204 if number % 4 == 2 else 200)
        assert a.get("http.response.body.size", 0) == (0 if number % 4 == 2 else 3000)


def test_a_connection_older_than_the_agent(scope, receiver, agent):
    nginx = Nginx(scope)
    with RawClient(("127.0.0.1", nginx.port)) as client:
        assert client.get("/return?before=1")[0] == 200
        agent()
        for number in range(3):
            assert client.get(f"/return?n={number}")[0] == 200
        spans = receiver.wait_for(3)
    truths = [t for t in nginx.truths() if t.query.startswith("n=")]
    for span, truth in match_up(spans, truths):
        compare_server(span, truth)


def test_the_agent_starts_in_the_middle_of_a_request(scope, receiver, agent):
    python = PythonServer(scope)
    with RawClient(("127.0.0.1", python.port)) as client:
        client.send(b"POST /echo?first HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n" + b"x" * 50)
        time.sleep(longer(0.2))
        agent()
        client.send(b"GET /fake HTTP/1.1\r\n\r\n".ljust(50, b"x"))  # body bytes that look like a request
        assert len(client.response()[2]) == 100
        for number in range(3):
            assert client.get(f"/ok?n={number}")[0] == 200
        spans = receiver.wait_for(3)
    assert "/fake" not in [s.attributes.get("url.path") for s in spans], "a span was invented from a body"
    known = [s for s in spans if s.attributes.get("url.query", "").startswith("n=")]
    for span, truth in match_up(known, [t for t in python.truths() if t.query.startswith("n=")]):
        compare_server(span, truth)


def test_the_agent_starts_in_the_middle_of_a_response(scope, receiver, agent):
    python = PythonServer(scope)
    with RawClient(("127.0.0.1", python.port)) as client:
        client.send(f"GET /sleep/{longer(3500):.0f}?first HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        agent()
        assert client.response()[0] == 200
        assert client.get("/ok?n=1")[0] == 200
        spans = receiver.wait_for(1)
    assert [s.attributes["url.query"] for s in spans] == ["n=1"], "a response without its request must give no span"


def test_a_killed_client(scope, receiver, agent):
    python = PythonServer(scope)
    agent()
    client = scope.start(["curl", "-s", "--noproxy", "*", f"{python.url}/sleep/700"], name="curl", leaf="clients")
    time.sleep(longer(0.3))
    client.popen.kill()
    client.wait()
    Curl(scope, leaf="clients").get(f"{python.url}/ok")
    spans = receiver.wait_for(2, timeout=20)
    assert sorted(s.attributes["url.path"] for s in spans) == ["/ok", "/sleep/700"]


def test_a_killed_server(scope, receiver, agent):
    python = PythonServer(scope)
    running = agent()
    with RawClient(("127.0.0.1", python.port)) as client:
        client.send(b"GET /sleep/30000 HTTP/1.1\r\nHost: h\r\n\r\n")
        time.sleep(longer(0.3))
        python.process.popen.kill()
        python.process.wait()
        with pytest.raises(ConnectionError):
            client.response()
    span, = receiver.wait_for(1, timeout=20)
    assert span.status == ERROR and span.attributes["error.type"] and "http.response.status_code" not in span.attributes
    assert span.attributes["url.path"] == "/sleep/30000" and span.service == "orders" and 0.2 < span.duration < longer(5)
    assert running.process.alive()


def test_a_killed_nginx_worker_is_replaced_and_traced(scope, receiver, agent):
    nginx = Nginx(scope)
    agent()
    old, = nginx.workers
    os.kill(old, signal.SIGKILL)
    new, = wait_until(lambda: [pid for pid in nginx.workers if pid != old] or None, 5, "a new nginx worker")
    Curl(scope, leaf="clients").get(nginx.url + "/return")
    span, = receiver.wait_for(1)
    assert span.resource["process.pid"] == new and span.service == "nginx"


@pytest.mark.timeout(180)
def test_a_killed_agent_worker_loses_nothing_while_the_ring_has_room(scope, agent):
    with Receiver("grpc", counting=True) as counting:
        nginx = Nginx(scope, log=False)
        running = agent(endpoint=counting.endpoint)
        ExactLoad(scope).run(nginx.port, 100, rate=500)
        assert counting.wait_count(100) == 100
        old = running.worker_pid()
        os.kill(old, signal.SIGKILL)
        ExactLoad(scope).run(nginx.port, 2000, connections=8, rate=1000, path="/return", close=True)
        wait_until(lambda: (pids := scope.pids("agent")) and len(pids) == 2 and old not in pids, 10, "a new worker")
        running.wait_ready()
        assert counting.wait_count(2100) == 2100, f"loaded while the worker was down; {running.losses()}"


def test_connections_outlive_the_worker_that_knew_them(scope, receiver, agent):
    """Keep-alive connections that only the killed worker was told of: the new one is told by the loader."""
    nginx = Nginx(scope)
    running = agent()
    clients = [RawClient(("127.0.0.1", nginx.port)) for _ in range(4)]
    try:
        for number, client in enumerate(clients):
            assert client.get(f"/return?before={number}")[0] == 200
        receiver.wait_for(4)
        old = running.worker_pid()
        os.kill(old, signal.SIGKILL)
        for number in range(50):
            for which, client in enumerate(clients):
                assert client.get(f"/return?n={which}-{number}")[0] == 200
        wait_until(lambda: (pids := scope.pids("agent")) and len(pids) == 2 and old not in pids, 10, "a new worker")
        spans = receiver.wait_for(204)
    finally:
        for client in clients:
            client.close()
    for span, truth in match_up(spans, nginx.truths()):
        compare_server(span, truth)


def test_a_killed_loader_lets_the_worker_drain_and_end(scope, receiver, agent):
    nginx = Nginx(scope)
    running = agent(config={"otlp": {"traces": {"batch_timeout": "5s"}}})
    Curl(scope, leaf="clients").get(nginx.url + "/return")
    time.sleep(longer(0.3))
    running.process.popen.kill()
    running.process.wait()
    wait_until(lambda: not scope.pids("agent"), 15, "the worker to end after its loader")
    assert len(receiver.spans(kind=SERVER)) == 1, "what the worker held was not exported"
