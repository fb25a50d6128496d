"""Unmodified Python (http.server) against what the handler wrote down."""

import pytest

from testkit.clients import Curl, RawClient
from testkit.scope import wait_until
from testkit.servers import PythonServer
from testkit.spans import ERROR, SERVER
from testkit.truth import compare_server, match_up


@pytest.fixture
def python(scope, agent):
    served = PythonServer(scope)
    agent()
    return served


def check(receiver, served, count, slack=0.04):
    receiver.wait_for(count, kind=SERVER, service=served.service)
    wait_until(lambda: len(served.truths()) >= count, 5, "the server's log")
    for span, truth in match_up(receiver.spans(kind=SERVER), served.truths()):
        compare_server(span, truth, slack)


def test_every_field(scope, receiver, python):
    base = python.url
    curl = Curl(scope, leaf="clients")
    curl.get(f"{base}/ok", f"{base}/ok?x=1", f"{base}/status/418", f"{base}/status/500", f"{base}/chunked/100")
    curl.get(f"{base}/echo", options=["-X", "POST", "--data-binary", "y" * 70000])
    curl.get(f"{base}/ok", options=["-I"])
    check(receiver, python, 7)


@pytest.mark.parametrize("milliseconds", [100, 400])
def test_duration_is_what_the_peer_sees(scope, receiver, python, milliseconds):
    record, = Curl(scope, leaf="clients").get(f"{python.url}/sleep/{milliseconds}")
    check(receiver, python, 1)
    span, = receiver.spans()
    assert milliseconds / 1000 <= span.duration <= record["total"] + 0.01


def test_a_body_that_arrives_slowly_counts(receiver, python):
    with RawClient(("127.0.0.1", python.port)) as client:
        client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
        client.send(b"0123456789", sizes=[2], pause=0.05)
        assert client.response()[2] == b"0123456789"
    span, = receiver.wait_for(1)
    assert span.duration >= 0.2, "the first byte of the request starts the span"
    assert span.attributes["http.request.body.size"] == span.attributes["http.response.body.size"] == 10


def test_expect_continue(scope, receiver, python):
    Curl(scope, leaf="clients").get(f"{python.url}/echo", options=["-H", "Expect: 100-continue", "-d", "z" * 2000])
    check(receiver, python, 1)


def test_an_exception_without_a_response(receiver, python):
    with RawClient(("127.0.0.1", python.port)) as client:
        with pytest.raises(ConnectionError):
            client.get("/crash")
    span, = receiver.wait_for(1)
    assert span.status == ERROR and "http.response.status_code" not in span.attributes
    assert span.attributes["error.type"] and span.attributes["url.path"] == "/crash"


def test_the_service_name_comes_from_the_script_or_from_its_environment(scope, receiver, agent):
    import os
    PythonServer(scope)
    named = PythonServer(scope, environment={**os.environ, "OTEL_SERVICE_NAME": "renamed",
                                             "OTEL_RESOURCE_ATTRIBUTES": "service.version=2.5,test.key=a%20b"})
    agent()
    Curl(scope, leaf="clients").get(f"{named.url}/ok")
    span, = receiver.wait_for(1)
    assert span.service == "renamed" and span.resource["service.version"] == "2.5"
    assert span.resource["test.key"] == "a b" and span.resource["process.runtime.name"].lower() in ("python", "cpython")
    assert span.resource["process.pid"] == named.process.pid
