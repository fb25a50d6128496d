"""`telegen record` writes the events, `telegen replay` makes the same spans of them with no rights."""

import signal

import pytest

from testkit.agent import BINARY, Agent, base_environment, telegen
from testkit.clients import Curl
from testkit.receiver import Receiver
from testkit.scope import wait_until
from testkit.servers import Nginx
from testkit.spans import SERVER
from testkit.truth import compare_server, match_up


def record(scope, receiver, file, nginx, paths):
    """A recording of one request a path, made by `telegen record`, which is scoped like any agent."""
    running = Agent(scope, receiver.endpoint, command=("record", file))
    running.start()
    Curl(scope, leaf="clients").get(*[nginx.url + path for path in paths])
    wait_until(lambda: len(nginx.truths()) >= len(paths), 5, "nginx's log")
    assert running.stop() == 0, running.process.output()


def replay(scope, file, endpoint, *wrapper):
    config = scope.directory / "replay.yaml"
    config.write_text(f"otlp: {{endpoint: '{endpoint}'}}\nself_telemetry: {{listen: '127.0.0.1:0'}}\n")
    process = scope.start([*wrapper, BINARY, "replay", file, "--config", config], name="replay", leaf="agent",
                          env=base_environment())
    assert process.wait(30) == 0, process.output()


PATHS = ["/return", "/items/5?n=1", "/status/503", "/missing"]


@pytest.mark.usefixtures("agent")
def test_replay_makes_the_same_spans(scope):
    nginx = Nginx(scope)
    file = scope.directory / "events.telegen"
    with Receiver("grpc") as unused:
        record(scope, unused, file, nginx, PATHS)
    assert file.stat().st_size > 0
    file.chmod(0o644)
    seen = []
    for wrapper in ([], ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
                         "--inh-caps=-all", "--no-new-privs"]):
        with Receiver("grpc") as receiver:
            replay(scope, file, receiver.endpoint, *wrapper)
            spans = receiver.wait_for(len(PATHS), kind=SERVER)
            for span, truth in match_up(spans, nginx.truths()):
                compare_server(span, truth)
            seen.append(sorted((s.start, s.end, s.name, str(sorted(s.attributes.items()))) for s in spans))
    assert seen[0] == seen[1], "replaying twice gave different spans"


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped"])
def test_a_damaged_recording_is_refused_in_words(scope, damage):
    nginx = Nginx(scope)
    file = scope.directory / "events.telegen"
    with Receiver("grpc") as receiver:
        record(scope, receiver, file, nginx, PATHS)
    content = bytearray(file.read_bytes())
    content = {"empty": b"", "text": b"this is not a recording\n" * 50, "cut": content[:len(content) - 7],
               "flipped": content[:-40] + bytes(b ^ 0xFF for b in content[-40:])}[damage]
    file.write_bytes(content)
    config = scope.directory / "replay.yaml"
    config.write_text("self_telemetry: {listen: '127.0.0.1:0'}\n")
    status, text = telegen(scope, "replay", file, "--config", config)
    assert status in (0, 1), f"ended with {status}:\n{text}"  # a cut recording may give what is whole
    if damage in ("empty", "text"):
        assert status == 1
    assert "events.telegen" in text, text


@pytest.mark.usefixtures("agent")
def test_recording_ends_on_a_signal_with_a_whole_file(scope, receiver):
    file = scope.directory / "events.telegen"
    running = Agent(scope, receiver.endpoint, command=("record", file)).start()
    assert running.stop(signal.SIGINT) == 0
    status, text = telegen(scope, "replay", file)
    assert status == 0, text
