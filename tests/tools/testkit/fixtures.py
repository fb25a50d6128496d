"""Fixtures of all live tests; a conftest.py takes them from here. A test that wants the agent gets it through `agent`, which cannot be had without a scope."""

import signal

import pytest

from .agent import BINARY, Agent
from .certificates import Authority
from .pace import TIME_SCALE, longer
from .receiver import Receiver
from .scope import Scope


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what its processes said: fixtures read this at teardown."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        item.failed = report.failed
    if report.failed and "scope" in getattr(item, "funcargs", {}):
        for process in item.funcargs["scope"].processes:
            report.sections.append((f"output of {process.name} (pid {process.pid})", process.output()))


def pytest_collection_modifyitems(config, items):
    """The time limits of pytest.ini and of marks are for an ordinary machine, too."""
    for item in items if TIME_SCALE != 1 else ():
        mark = item.get_closest_marker("timeout")
        limit = mark.args[0] if mark else float(config.getini("timeout"))
        item.add_marker(pytest.mark.timeout(longer(limit)), append=False)


@pytest.fixture
def scope():
    with Scope() as made:
        yield made


@pytest.fixture
def receiver():
    """OTLP over gRPC. Breaking a rule of the schema fails the test, whatever the test itself looks at."""
    with Receiver("grpc") as made:
        yield made


@pytest.fixture
def receivers():
    """A factory for receivers of any kind; all are checked and closed."""
    made = []

    def make(*arguments, **options):
        made.append(Receiver(*arguments, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()
    for each in made:
        each.check()


@pytest.fixture
def agent(scope, receiver):
    """A factory: agent(config=…, arguments=…) starts one in the test's scope, sending to `receiver` unless told otherwise.

    At the end every agent that the test has not stopped itself must still run, and must end with status 0."""
    if not BINARY.exists():
        pytest.fail(f"{BINARY} is not built: run `make build`")
    started = []

    def start(endpoint=None, **options):
        ready = options.pop("ready", True)
        made = Agent(scope, receiver.endpoint if endpoint is None else endpoint, **options)
        made.start(ready=ready)
        started.append(made)
        return made

    yield start
    problems = []
    for each in started:
        if each.process.alive():
            status = each.stop()
            if status != 0:
                problems.append(f"the agent ended with {status}:\n{each.process.output()}")
        elif each.process.popen.returncode not in (0, -signal.SIGKILL):  # a test may have stopped or killed it
            problems.append(f"the agent ended by itself with {each.process.popen.returncode}:\n{each.process.output()}")
    assert not problems, "\n".join(problems)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")
