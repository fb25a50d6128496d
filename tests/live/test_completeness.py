"""Under load: as many server spans as requests, none double, none merged, and no loss counted."""

import pytest

from testkit.agent import KERNEL_LOST
from testkit.clients import ExactLoad, Wrk
from testkit.pace import fewer
from testkit.receiver import Receiver
from testkit.servers import Nginx, NodeServer, PythonServer

pytestmark = [pytest.mark.load, pytest.mark.timeout(240)]


@pytest.fixture
def counting():
    """A receiver that only counts, so that it keeps up: checks of every field are for the other tests."""
    with Receiver("grpc", counting=True) as made:
        yield made


def explain(agent):
    return f"losses that the agent counts: {agent.losses() or 'none'}"


def check_exact(counting, running, requests):
    """Every ?n= exactly once."""
    counting.wait_count(requests)
    missing = [n for n in range(requests) if counting.queries[f"n={n}"] == 0]
    double = [key for key, count in counting.queries.items() if count != 1]
    assert not missing and not double, (f"{len(missing)} of {requests} requests without a span {missing[:10]}, "
                                        f"{len(double)} with several {double[:10]}; {explain(running)}")
    assert running.metric(KERNEL_LOST) == 0, explain(running)


@pytest.mark.parametrize("close", [False, True], ids=["keep-alive", "close"])
def test_nginx_exact(scope, counting, agent, close):
    nginx = Nginx(scope, workers=2, log=False)
    running = agent(endpoint=counting.endpoint)
    requests = fewer(20_000 if close else 100_000)
    load = ExactLoad(scope).run(nginx.port, requests, connections=32, close=close)
    assert load["answered"] == requests and load["bad"] == 0
    check_exact(counting, running, requests)


def test_nginx_at_20000_a_second_loses_nothing(scope, counting, agent):
    nginx = Nginx(scope, workers=1, log=False)
    running = agent(endpoint=counting.endpoint)
    requests = fewer(100_000)
    load = ExactLoad(scope).run(nginx.port, requests, connections=32, rate=fewer(20_000))
    assert load["answered"] == requests
    check_exact(counting, running, requests)


@pytest.mark.parametrize("close", [False, True], ids=["keep-alive", "close"])
@pytest.mark.parametrize("server", [PythonServer, NodeServer])
def test_200_connections(scope, counting, agent, server, close):
    served = server(scope, log=False)
    running = agent(endpoint=counting.endpoint)
    requests = fewer(4000)
    load = ExactLoad(scope).run(served.port, requests, connections=200, close=close, path="/ok")
    assert load["answered"] == requests and load["bad"] == 0
    check_exact(counting, running, requests)


@pytest.mark.parametrize("close", [False, True], ids=["keep-alive", "close"])
def test_wrk_at_full_speed(scope, counting, agent, close):
    """wrk abandons what is in flight at its end: nginx may have served up to one more request a connection."""
    nginx = Nginx(scope, workers=2, log=False)
    running = agent(endpoint=counting.endpoint)
    load = Wrk(scope).run(nginx.url + "/return", 4, connections=64, close=close)
    assert load["errors"] == [0, 0, 0, 0] and load["not_2xx"] == 0
    spans = counting.wait_count(load["requests"], timeout=120)
    assert 0 <= spans - load["requests"] <= 64, f"{spans} spans for {load['requests']} requests; {explain(running)}"
    assert running.metric(KERNEL_LOST) == 0, explain(running)
