"""Unmodified curl, traced as a client, against its own --write-out."""

import sys
import time

import pytest

from testkit.clients import Curl
from testkit.ports import free_port, wait_for_listener
from testkit.servers import Nginx
from testkit.spans import CLIENT, ERROR
from testkit.truth import Truth, compare_client


def truth_of(record, host, path, **more):
    return Truth(method=record["method"], path=path, status=record["status"], host=host, user_agent=Curl.user_agent(),
                 request_body=record["upload"], response_body=record["size"], peer_address="127.0.0.1",
                 peer_port=record["remote_port"], duration=record["total"] - record["pretransfer"], service="curl", **more)


@pytest.mark.parametrize("path, options", [
    ("/return", []), ("/return", ["-X", "PUT", "-d", "abc"]), ("/status/404", []), ("/status/503", []), ("/big.bin", [])])
def test_every_field(scope, receiver, agent, path, options):
    nginx = Nginx(scope, leaf="clients")  # only curl is traced here
    agent()
    record, = Curl(scope).get(nginx.url + path, options=options)
    span, = receiver.wait_for(1)
    compare_client(span, truth_of(record, nginx.host, path))


def test_several_requests_on_one_connection(scope, receiver, agent):
    nginx = Nginx(scope, leaf="clients")
    agent()
    records = Curl(scope).get(*[f"{nginx.url}/return?n={n}" for n in range(5)])
    assert len({r["local_port"] for r in records}) == 1
    spans = sorted(receiver.wait_for(5), key=lambda s: s.start)
    for number, (span, record) in enumerate(zip(spans, records)):
        compare_client(span, truth_of(record, nginx.host, "/return", query=f"n={number}"))


def test_credentials_never_leave(scope, receiver, agent):
    nginx = Nginx(scope, leaf="clients")
    agent()
    Curl(scope).get(f"http://user:secret@{nginx.host}/return?sig=hidden&a=1")
    span, = receiver.wait_for(1)
    assert "secret" not in repr(span) and "hidden" not in repr(span)
    assert span.attributes["url.full"] == f"http://{nginx.host}/return?sig=REDACTED&a=1"


def test_a_server_that_hangs_up(scope, receiver, agent):
    port = free_port()
    program = ("import socket,sys; s=socket.create_server(('127.0.0.1',int(sys.argv[1])))\n"
               "while True: c,_=s.accept(); c.recv(9999); c.close()")
    process = scope.start([sys.executable, "-c", program, port], name="hangs-up", leaf="clients")
    wait_for_listener(("127.0.0.1", port), process)
    agent()
    scope.run(["curl", "-sS", "--noproxy", "*", f"http://127.0.0.1:{port}/x"], check=False)
    span, = receiver.wait_for(1, kind=CLIENT)
    assert span.status == ERROR and span.attributes["error.type"] and "http.response.status_code" not in span.attributes
    assert span.attributes["url.full"] == f"http://127.0.0.1:{port}/x" and time.time() > span.end / 1e9
