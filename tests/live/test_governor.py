"""Capture is lowered, suspended and resumed while an agent runs: less is copied, nothing is invented, all comes back."""

import pytest

from testkit.agent import CAPTURED_BYTES, KERNEL_LOST, RING_RECORDS
from testkit.clients import RawClient
from testkit.kernel_maps import set_capture
from testkit.scope import wait_until
from testkit.servers import Nginx, ScriptedServer
from testkit.spans import SERVER
from testkit.truth import compare_server, match_up

BODY = 3000
CONFIGURED = 4096


def post(client, number):
    client.send(b"POST /return?n=%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (number, BODY) + b"x" * BODY)
    return client.response()[0]


def queries(receiver):
    return sorted(int(span.attributes["url.query"].removeprefix("n=")) for span in receiver.spans(kind=SERVER))


def check_all(receiver, nginx, numbers):
    """Each of these requests has its span, right in every field, and no other has one."""
    receiver.wait_for(len(numbers), kind=SERVER)
    assert queries(receiver) == sorted(numbers)
    truths = [truth for truth in nginx.truths() if int(truth.query.removeprefix("n=")) in numbers]
    for span, truth in match_up(receiver.spans(kind=SERVER), truths):
        compare_server(span, truth)


def test_a_lower_limit_captures_less_and_tells_the_same(scope, receiver, agent):
    nginx = Nginx(scope)
    running = agent()
    captured = []
    with RawClient(("127.0.0.1", nginx.port)) as client:
        for limit in (CONFIGURED, 512):
            assert set_capture(running.loader_pid, limit) == CONFIGURED
            first, before = len(receiver.spans()), running.metric(CAPTURED_BYTES)
            for number in range(20):
                assert post(client, first + number) == 200
            receiver.wait_for(first + 20, kind=SERVER)
            captured.append(running.metric(CAPTURED_BYTES) - before)
    check_all(receiver, nginx, range(40))
    assert captured[0] > 20 * BODY
    # The response is shorter than either limit; of the request 512 bytes are left, and its last few.
    assert captured[1] < captured[0] - 20 * (BODY - 512 - 100)
    assert running.losses() == {}


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_suspended_is_silent_and_counted_and_resuming_is_exact(scope, receiver, agent, unix):
    path = str(scope.directory / "nginx.sock") if unix else None
    nginx = Nginx(scope, unix=path)
    address = path or ("127.0.0.1", nginx.port)
    running = agent()

    def get(client, number):
        client.send(b"GET /return?n=%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
        assert client.response()[0] == 200

    with RawClient(address) as old:
        for number in range(10):
            get(old, number)
        receiver.wait_for(10, kind=SERVER)
        assert set_capture(running.loader_pid, 0) == CONFIGURED
        records = running.metric(RING_RECORDS)
        with RawClient(address) as new:  # first seen while nothing is told of
            for number in range(10, 20):
                get(old, number)
                get(new, 100 + number)
            assert running.metric(KERNEL_LOST, cause="suspended") == 40, "a transfer each way, of 20 requests"
            assert running.metric(RING_RECORDS) == records, "nothing is told of what moves"
            assert set_capture(running.loader_pid, CONFIGURED) == 0
            for number in range(20, 30):
                get(old, number)
                get(new, 100 + number)
    # The first response that is seen again may answer a request that was not seen: it is paired with none.
    seen = [*range(10), *range(21, 30), *range(120, 130)]
    if unix:
        receiver.wait_for(len(seen), kind=SERVER)
        assert queries(receiver) == sorted(seen)
    else:
        check_all(receiver, nginx, seen)
    assert running.metric(KERNEL_LOST, cause="suspended") == 40
    assert running.metric("telegen_requests_lost_total") == 1


def test_halves_of_two_requests_are_not_made_one(scope, receiver, agent):
    answer = b"HTTP/1.1 %d OK\r\nContent-Length: 2\r\n\r\nok"
    server = ScriptedServer(scope, [[[0.4, answer % status]] for status in (200, 201, 202, 203)])
    running = agent()
    with RawClient(("127.0.0.1", server.port)) as client:
        def ask(number):
            client.send(b"GET /scripted/%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)

        ask(0)
        assert client.response()[0] == 200
        ask(1)  # its request is seen, and its response is not
        wait_until(lambda: running.metric("telegen_requests_total") == 2, 5, "the second request to be decoded")
        set_capture(running.loader_pid, 0)
        assert client.response()[0] == 201
        ask(2)  # its request is not seen, and its response is
        wait_until(lambda: running.metric(KERNEL_LOST, cause="suspended") == 2, 5, "two transfers to be passed over")
        set_capture(running.loader_pid, CONFIGURED)
        assert client.response()[0] == 202
        ask(3)
        assert client.response()[0] == 203
    spans = receiver.wait_for(2, settle=1.5)
    assert sorted((s.attributes["url.path"], s.attributes["http.response.status_code"]) for s in spans) == [
        ("/scripted/0", 200), ("/scripted/3", 203)]
    assert running.metric(KERNEL_LOST, cause="suspended") == 2
