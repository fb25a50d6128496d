"""What goes wrong is said in words that help, with the documented exit code."""

import re
import signal
import socket
import time

import grpc
import pytest

from testkit.agent import Agent, telegen
from testkit.clients import Curl
from testkit.pace import longer
from testkit.ports import free_port
from testkit.receiver import Faults
from testkit.servers import Nginx

CONFIGURATION, EBPF, PERMISSION = 2, 3, 4


def write(scope, text):
    file = scope.directory / "bad.yaml"
    file.write_text(text)
    return file


def test_all_configuration_errors_at_once(scope, agent):
    file = write(scope, "telegen:\n  log_levle: info\notlp:\n  protocol: grcp\n  timeout: soon\n"
                        "  compression: 7z\nqueues:\n  traces: {mem_limit: lots}\nnonsense: 1\n")
    status, text = telegen(scope, "validate", "--config", file)
    assert status == CONFIGURATION
    for line, key, hint in [(2, "log_levle", "log_level"), (4, "protocol", "grpc"), (5, "timeout", "soon"),
                            (6, "compression", "gzip"), (8, "mem_limit", "lots"), (9, "nonsense", "")]:
        found = [t for t in text.splitlines() if re.search(rf"bad\.yaml:{line}\b.*{key}", t)]
        assert found and hint in found[0], f"line {line}, {key}, {hint!r}:\n{text}"


def test_a_good_configuration_validates_and_hides_secrets(scope, agent):
    file = write(scope, "otlp: {headers: {authorization: hush-hush}}\nself_telemetry: {auth: {bearer_token: top-secret}}\n")
    assert telegen(scope, "validate", "--config", file)[0] == 0
    status, text = telegen(scope, "validate", "--config", file, "--show")
    assert status == 0 and "****" in text and "top-secret" not in text


@pytest.mark.parametrize("text, said", [
    ("otlp: [", "bad.yaml:2: not valid YAML"), ("otlp:\n  endpoint: ${NOT_SET_ANYWHERE}\n", "NOT_SET_ANYWHERE"),
    ("otlp: {}\notlp: {}\n", "otlp"), ("telegen: 3\n", "telegen")])
def test_run_refuses_what_validate_refuses(scope, receiver, agent, text, said):
    running = Agent(scope)
    running.config.write_text(text.replace("bad.yaml", running.config.name))
    process = running.start(ready=False).process
    assert process.wait(10) == CONFIGURATION, process.output()
    assert said.replace("bad.yaml", running.config.name) in process.output()


def test_a_missing_configuration_file(scope, agent):
    status, text = telegen(scope, "validate", "--config", scope.directory / "none.yaml")
    assert status == CONFIGURATION and "none.yaml" in text and "No such file" in text


def test_an_unknown_option_and_command(scope, agent):
    status, text = telegen(scope, "validate", "--shw")
    assert status == CONFIGURATION and "--shw" in text and "--show" in text
    status, text = telegen(scope, "version", "--nonsense")
    assert status == CONFIGURATION and "--nonsense" in text


def test_an_endpoint_that_nobody_listens_on(scope, receiver, agent):
    nginx = Nginx(scope)
    port = free_port()
    running = agent(endpoint=f"127.0.0.1:{port}")
    for _ in range(5):
        Curl(scope, leaf="clients").get(nginx.url + "/return")
        time.sleep(0.7)
    text = running.process.output(1000)
    said = [line for line in text.splitlines() if "Connection refused" in line]
    assert len(said) == 1, f"once a minute, not once a batch, and in words:\n{text}"
    assert f"127.0.0.1:{port}" in said[0] and running.process.alive()


def test_an_endpoint_that_comes_back_gets_what_was_kept(scope, receivers, agent):
    receiver = receivers("grpc", faults=Faults(reject=[(grpc.StatusCode.UNAVAILABLE, "later")] * 3))
    nginx = Nginx(scope)
    agent(endpoint=receiver.endpoint, config={"backoff": {"initial": "100ms"}})
    Curl(scope, leaf="clients").get(nginx.url + "/return")
    spans = receiver.wait_for(1)
    assert len(spans) == 1 and [a.accepted for a in receiver.arrivals] == [False, False, False, True]


@pytest.mark.parametrize("wrapper", [
    ["setpriv", "--bounding-set=-all", "--inh-caps=-all"], ["setpriv", "--reuid=65534", "--clear-groups"]],
    ids=["root without capabilities", "another user"])
def test_missing_rights(scope, receiver, agent, wrapper):
    running = Agent(scope, receiver.endpoint, wrapper=wrapper)
    process = running.start(ready=False).process
    status = process.wait(15)
    assert status == PERMISSION, f"ended with {status}:\n{process.output()}"
    assert re.search(r"CAP_(BPF|SYS_ADMIN|PERFMON)", process.output()), "which capability?"
    assert re.search(r"sudo|setcap|root", process.output()), "what to do about it?"


def test_a_port_in_use(scope, receiver, agent):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        running = Agent(scope, receiver.endpoint, config={"self_telemetry": {"listen": where}})
        process = running.start(ready=False).process
        assert process.wait(15) != 0
        assert where in process.output() and "Address already in use" in process.output()


def test_term_and_int_end_it_in_order(scope, receiver, agent):
    nginx = Nginx(scope)
    for number in (signal.SIGTERM, signal.SIGINT):
        running = agent(config={"otlp": {"traces": {"batch_timeout": "8s"}}})
        receiver.clear()
        Curl(scope, leaf="clients").get(nginx.url + "/return")
        time.sleep(longer(0.3))
        begin = time.monotonic()
        assert running.stop(number) == 0
        assert time.monotonic() - begin < longer(5), "there was little to drain"
        assert len(receiver.spans()) == 1, "what was held at the signal was not exported"


def test_the_environment_of_the_agent_is_strict(scope, receiver, agent):
    running = Agent(scope, receiver.endpoint, environment={"TELEGEN_OTLP_PROTOCL": "http"})
    process = running.start(ready=False).process
    assert process.wait(10) == CONFIGURATION
    assert "TELEGEN_OTLP_PROTOCL" in process.output() and "TELEGEN_OTLP_PROTOCOL" in process.output()
