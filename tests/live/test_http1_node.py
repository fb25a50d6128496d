"""Unmodified Node against what its handler wrote down."""

import pytest

from testkit.clients import Curl, RawClient
from testkit.scope import wait_until
from testkit.servers import NodeServer
from testkit.spans import SERVER
from testkit.truth import compare_server, match_up


@pytest.fixture
def node(scope, agent):
    served = NodeServer(scope)
    agent()
    return served


def check(receiver, served, count, slack=0.06):
    receiver.wait_for(count, kind=SERVER, service=served.service)
    wait_until(lambda: len(served.truths()) >= count, 5, "the server's log")
    for span, truth in match_up(receiver.spans(kind=SERVER), served.truths()):
        compare_server(span, truth, slack)


def test_every_field(scope, receiver, node):
    base = node.url
    curl = Curl(scope, leaf="clients")
    curl.get(f"{base}/ok", f"{base}/ok?x=1", f"{base}/status/418", f"{base}/status/500", f"{base}/chunked/300")
    curl.get(f"{base}/echo", options=["-X", "PATCH", "--data-binary", "y" * 20000])
    curl.get(f"{base}/ok", options=["-I"])
    curl.get(f"{base}/sleep/150")
    check(receiver, node, 8)
    assert {s.resource["process.runtime.name"] for s in receiver.spans()} <= {"nodejs", "node", "Node.js"}


def test_interleaved_connections_do_not_mix(receiver, node):
    clients = [RawClient(("127.0.0.1", node.port)) for _ in range(20)]
    for turn in range(3):
        for number, client in enumerate(clients):
            client.send(b"GET /sleep/50?c=%d&t=%d HTTP/1.1\r\nHost: h\r\n\r\n" % (number, turn))
        assert [client.response()[0] for client in clients] == [200] * 20
    for client in clients:
        client.close()
    check(receiver, node, 60, slack=0.1)


def test_a_chunked_request(receiver, node):
    with RawClient(("127.0.0.1", node.port)) as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n")
        assert client.response()[2] == b"hello world"
    check(receiver, node, 1)
