"""Every way to move bytes over a stream socket, every family, and sockets that change hands."""

import pytest

from testkit.agent import probes
from testkit.clients import RawClient, compiled
from testkit.ports import free_port, wait_for_listener
from testkit.spans import SERVER, UNSET

READS = ["read", "readv", "recvfrom", "recvmsg", "recvmmsg"]
WRITES = ["write", "writev", "sendto", "sendmsg", "sendmmsg", "sendfile"]
PAIRS = [(READS[n % len(READS)], write) for n, write in enumerate(WRITES)]
PATHS = ["/size/0", "/size/1", "/size/3000", "/size/200000"]


def serve(scope, listen, address, read="read", write="write", *more):
    process = scope.start([compiled("io_matrix"), "--listen", listen, "--read", read, "--write", write, *more])
    wait_for_listener(address, process)
    return process


def exchange(address, traffic=PATHS):
    """Requests on one connection, a POST with a body at the end; the client's port."""
    with RawClient(address) as client:
        for path in traffic:
            assert len(client.get(f"{path}?from=test", host="matrix:99")[2]) == int(path.split("/")[2])
        client.send(b"POST /size/5 HTTP/1.1\r\nHost: matrix:99\r\nContent-Length: 70000\r\n\r\n" + b"p" * 70000,
                    sizes=[10, 60, 5000, 65536])
        assert len(client.response()[2]) == 5
        return client.port


def check(receiver, process, peer, port, traffic=PATHS, pids=None):
    spans = sorted(receiver.wait_for(len(traffic) + 1), key=lambda s: s.start)
    expected = [("GET", path, "from=test", 0, int(path.split("/")[2])) for path in traffic] + [("POST", "/size/5", "", 70000, 5)]
    assert len(spans) == len(expected)
    for span, (method, path, query, sent, received) in zip(spans, expected):
        a = span.attributes
        assert (span.kind, span.status, span.service) == (SERVER, UNSET, "io_matrix")
        assert (a["http.request.method"], a["url.path"], a.get("url.query", "")) == (method, path, query)
        assert a["http.response.status_code"] == 200 and a["network.protocol.version"] == "1.1"
        assert a.get("http.request.body.size", 0) == sent and a.get("http.response.body.size", 0) == received
        assert (a["server.address"], a["server.port"]) == ("matrix", 99) and "telegen.partial" not in a
        if peer:
            assert (a["network.peer.address"], a["network.peer.port"]) == (peer, port)
        assert span.resource["process.pid"] in (pids or [process.pid])


@pytest.mark.parametrize("read, write", PAIRS)
def test_system_calls(scope, receiver, agent, read, write):
    listen = free_port()
    process = serve(scope, f"tcp4:{listen}", ("127.0.0.1", listen), read, write)
    agent()
    check(receiver, process, "127.0.0.1", exchange(("127.0.0.1", listen)))


@pytest.mark.parametrize("read, write", [("read", "write"), ("recvmsg", "sendmsg"), ("readv", "sendfile")])
def test_non_blocking_and_partial(scope, receiver, agent, read, write):
    listen = free_port()
    process = serve(scope, f"tcp4:{listen}", ("127.0.0.1", listen), read, write, "--nonblocking")
    agent()
    check(receiver, process, "127.0.0.1", exchange(("127.0.0.1", listen)))


@pytest.mark.parametrize("share", ["fork", "split", "dup", "pass"])
def test_sockets_that_are_shared(scope, receiver, agent, share):
    listen = free_port()
    process = serve(scope, f"tcp4:{listen}", ("127.0.0.1", listen), "read", "write", "--share", share)
    agent()
    with RawClient(("127.0.0.1", listen)) as client:  # who serves is known while the connection is open
        assert client.get("/size/7?first", host="matrix:99")[0] == 200
        serving = scope.pids("traced")
    receiver.wait_for(1)
    receiver.clear()
    port = exchange(("127.0.0.1", listen))
    # A child that is forked for the connection is gone afterwards, and its span is still attributed to it.
    anybody = range(min(serving), 1 << 22)
    check(receiver, process, "127.0.0.1", port, pids=anybody)


def test_a_connection_passed_on_is_served_by_who_got_it(scope, receiver, agent):
    listen = free_port()
    process = serve(scope, f"tcp4:{listen}", ("127.0.0.1", listen), "recvfrom", "sendto", "--share", "pass")
    agent()
    port = exchange(("127.0.0.1", listen))
    other, = [pid for pid in scope.pids("traced") if pid != process.pid]
    check(receiver, process, "127.0.0.1", port, pids=[other])


def test_ipv6(scope, receiver, agent):
    listen = free_port()
    process = serve(scope, f"tcp6:{listen}", ("::1", listen))
    agent()
    check(receiver, process, "::1", exchange(("::1", listen)))


@pytest.mark.parametrize("read, write", [("read", "write"), ("recvmsg", "sendmsg"), ("recvfrom", "sendfile")])
def test_unix_stream(scope, receiver, agent, read, write):
    path = str(scope.directory / "matrix.socket")
    process = serve(scope, f"unix:{path}", path, read, write)
    agent()
    check(receiver, process, None, exchange(path))


def test_a_unix_connection_older_than_the_agent(scope, receiver, agent):
    path = str(scope.directory / "matrix.socket")
    serve(scope, f"unix:{path}", path)
    with RawClient(path) as client:
        assert client.get("/size/1")[0] == 200
        agent()
        assert client.get("/size/2")[0] == 200
        assert client.get("/size/3")[0] == 200
        # The read that waited for the first one was older than the agent, which only these see (docs/kernels.md).
        sees_both = probes(scope)["socket.receive"]["candidate"] in ("socket", "exit")
        expected = ["/size/2", "/size/3"] if sees_both else ["/size/3"]
        spans = receiver.wait_for(len(expected))
    assert [span.attributes["url.path"] for span in spans] == expected


def test_sockets_that_are_not_http(scope, receiver, agent):
    """Bytes of no protocol give no span, and the next connection is fine."""
    listen = free_port()
    process = serve(scope, f"tcp4:{listen}", ("127.0.0.1", listen))
    running = agent()
    with RawClient(("127.0.0.1", listen)) as client:
        client.send(bytes(range(256)) * 20)
    check(receiver, process, "127.0.0.1", exchange(("127.0.0.1", listen)))
    assert running.process.alive()
