"""The agent under test. It cannot be started without the cgroup of a scope: there is no argument to leave it out."""

import json
import os
import re
import signal
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from . import BUILD
from .pace import longer
from .ports import free_port
from .scope import wait_until

BINARY = Path(os.environ.get("TELEGEN_BINARY", BUILD / "release" / "telegen"))

# The names of the agent's own metrics that tests rely on, in one place.
RING_RECORDS = "telegen_ring_records_total"  # records that the kernel side wrote
CAPTURED_BYTES = "telegen_ring_captured_bytes_total"  # of traffic, in them
KERNEL_LOST = "telegen_kernel_lost_total"    # records that it could not write, by cause; ring_full is one
SPANS_EXPORTED = "telegen_pipeline_exported_total"

_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)(?: [0-9]+)?$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?')


def doctor(scope):
    """What `telegen doctor --json` says of this kernel."""
    return json.loads(scope.run([BINARY, "doctor", "--json"], leaf="agent"))


def probes(scope):
    """{hook: what doctor says of it}."""
    return {probe["key"]: probe for probe in doctor(scope)["probes"]}


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict
    value: float


def parse_metrics(text):
    """Prometheus text format 0.0.4. Raises on a line that is not that."""
    samples = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = _SAMPLE.match(line)
        if not match:
            raise ValueError(f"not the Prometheus text format: {line!r}")
        samples.append(Sample(match[1], dict(_LABEL.findall(match[2] or "")), float(match[3])))
    return samples


def base_environment():
    """What the agent inherits: nothing that would configure it."""
    keep = ("PATH", "HOME", "LANG", "TZ", "HOSTNAME")
    return {key: os.environ[key] for key in keep if key in os.environ}


def merged(base, changes):
    result = dict(base)
    for key, value in changes.items():
        result[key] = merged(result.get(key, {}), value) if isinstance(value, dict) else value
    return result


class Agent:
    """`telegen run`, scoped. `config` is merged over settings that make tests quick; `arguments` go to the command."""

    def __init__(self, scope, endpoint="", config=None, arguments=(), environment=None, command=("run",), wrapper=()):
        refuse_other_scopes(config or {}, arguments, environment or {})
        self.scope = scope
        self.port = free_port()
        settings = merged({
            "self_telemetry": {"listen": f"127.0.0.1:{self.port}", "export": False},
            "otlp": {"endpoint": endpoint, "traces": {"batch_timeout": "200ms"}},
            "pipeline": {"metrics": {"enabled": False}},  # tests of spans: those of metrics switch them on
        }, config or {})
        self.settings = settings
        self.config = scope.directory / f"telegen-{self.port}.yaml"
        self.write_config()
        self.argv = [*wrapper, str(BINARY), *command, "--config", str(self.config), "--instrument", scope.selector,
                     *map(str, arguments)]
        self.environment = {**base_environment(), **(environment or {})}
        self.process = None

    def write_config(self, changes=None):
        """The file that it reads at its start, and when it is told to read it again; `changes` are merged into it."""
        refuse_other_scopes(changes or {}, (), {})
        self.settings = merged(self.settings, changes or {})
        self.config.write_text(json.dumps(self.settings, indent=2) + "\n")  # JSON is YAML

    def start(self, ready=True, timeout=20, **options):
        if not BINARY.exists():
            raise FileNotFoundError(f"{BINARY} is not built: run `make build`")
        if self.argv[-1] != self.scope.selector and self.scope.selector not in self.argv:
            raise AssertionError("an agent is never started without its scope")
        options.setdefault("stdin", None)
        self.process = self.scope.start(self.argv, name="telegen", leaf="agent", env=self.environment, **options)
        if ready:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=20):
        def ready():
            if not self.process.alive():
                raise RuntimeError(f"the agent ended with {self.process.popen.returncode} before it was ready.\n"
                                   f"$ {' '.join(self.argv)}\n{self.process.output()}")
            return self.get("/readyz", quiet=True)[0] == 200

        try:
            wait_until(ready, timeout, "/readyz to answer 200")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it says {self.get('/readyz', quiet=True)}\n{self.process.output()}") from None

    def post(self, path, timeout=10):
        return self.get(path, timeout=timeout, method="POST")

    def accounts(self, signal="traces"):
        """What /status/queues says of a signal: the pipeline's account, and those of its destinations; what was dropped
        as a Counter by cause."""
        status = json.loads(self.get("/status/queues")[1])

        def account(row, destination):
            dropped = Counter({lost["cause"]: lost["items"] for lost in status["dropped"]
                               if (lost["signal"], lost["destination"]) == (signal, destination)})
            assert dropped.total() == row["dropped"], status
            return {**row, "dropped": dropped}

        of_signal = [row for row in status["pipeline"] if row["signal"] == signal]
        if not of_signal:
            return {}
        return {**account(of_signal[0], ""),
                "destinations": {row["destination"]: account(row, row["destination"])
                                 for row in status["destinations"] if row["signal"] == signal}}

    def get(self, path, quiet=False, timeout=5, method="GET"):
        """(status, body) of a request to the agent's API."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        try:
            with opener.open(request, timeout=longer(timeout)) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            if quiet:
                return 0, str(error)
            raise

    def samples(self):
        status, body = self.get("/metrics")
        assert status == 200, body
        return parse_metrics(body)

    def metric(self, name, **labels):
        """The sum of the samples of `name` with these labels. Fails, with the names there are, if there is none."""
        samples = self.samples()
        found = [s.value for s in samples if s.name == name and labels.items() <= s.labels.items()]
        if not found:
            names = sorted({s.name for s in samples})
            raise AssertionError(f"/metrics has no {name} with {labels}; it has: {', '.join(names)}")
        return sum(found)

    def losses(self):
        """Everything that /metrics counts as lost, by name and labels, where it is not zero."""
        return {f"{s.name}{s.labels}": s.value for s in self.samples()
                if s.name.startswith("telegen_") and ("lost" in s.name or "dropped" in s.name) and s.value}

    @property
    def loader_pid(self):
        return self.process.pid

    def worker_pid(self, timeout=5):
        """The one other process of the agent."""
        def worker():
            others = [pid for pid in self.scope.pids("agent") if pid != self.loader_pid]
            return others[0] if len(others) == 1 else None

        return wait_until(worker, timeout, f"exactly one worker beside {self.scope.pids('agent')}")

    def stop(self, number=signal.SIGTERM, timeout=15):
        """Ends it, and returns its exit status once loader and worker are both gone."""
        status = self.process.stop(number, timeout)
        wait_until(lambda: not self.scope.pids("agent"), 5, "loader and worker to be gone")
        return status


def refuse_other_scopes(config, arguments, environment):
    """The scope is the agent's only selection: nothing else may widen it."""
    if any(str(a).startswith("--instrument") for a in arguments):
        raise AssertionError("tests do not pass --instrument: the scope does")
    if "instrument" in config.get("discovery", {}):
        raise AssertionError("tests do not configure discovery.instrument: the scope does")
    if any(key.startswith("TELEGEN_DISCOVERY_INSTRUMENT") for key in environment):
        raise AssertionError("tests do not set TELEGEN_DISCOVERY_INSTRUMENT: the scope does")
    if any(str(a) in ("replay",) for a in arguments):
        raise AssertionError("replay is a command, not an argument")


def telegen(scope, *argv, timeout=30, environment=None, stdin=None, **options):
    """Runs a command of the agent that instruments nothing (validate, version, replay, ...): (status, output)."""
    if argv and argv[0] not in ("validate", "version", "completion", "replay", "status", "help", "--help", "--version"):
        raise AssertionError(f"`telegen {argv[0]}` may instrument: use Agent")
    process = scope.start([BINARY, *argv], name=f"telegen-{argv[0]}", leaf="agent",
                          env={**base_environment(), **(environment or {})}, **options)
    status = process.wait(timeout)
    return status, Path(process.log).read_text(errors="replace")
