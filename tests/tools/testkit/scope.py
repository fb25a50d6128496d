"""A scope: the cgroup that bounds what a test may touch.

Every process of a test is started through a scope, inside one of its three cgroups:

    traced/    what the agent is told to instrument, and nothing else is
    clients/   load generators whose own spans would only be noise
    agent/     the agent itself, loader and worker, so that both can be found again

close() ends the recorded processes by their pid, waits, and fails if anything is left behind.
"""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from . import BUILD
from .pace import longer

_numbers = itertools.count(1)
_GRACE_S = 12  # the agent's own shutdown_timeout is 10 s


class ScopeError(RuntimeError):
    pass


def cgroup2_mount():
    """The cgroup v2 mount point: the system's, or a private one under build/ where the system has none."""
    with open("/proc/self/mountinfo") as mounts:
        for line in mounts:
            fields = line.split(" - ")
            if len(fields) == 2 and fields[1].split()[0] == "cgroup2" and fields[0].split()[3] == "/":
                return Path(fields[0].split()[4])
    if os.geteuid() != 0:
        raise ScopeError("no cgroup v2 is mounted, and mounting one needs root")
    private = BUILD / "cgroup2"
    private.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "cgroup2", "none", str(private)], check=True)
    return private


def wait_until(condition, timeout, what, interval=0.02):
    """The first true value of condition(); says what was waited for when it does not come."""
    deadline = time.monotonic() + longer(timeout)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {longer(timeout):g} s for {what}")
        time.sleep(interval)


def tail(path, lines=40):
    try:
        return "\n".join(Path(path).read_text(errors="replace").splitlines()[-lines:])
    except OSError as error:
        return f"({error})"


class Process:
    """A started process, with its output in a file. Ends by its own pid only."""

    def __init__(self, popen, name, log):
        self.popen, self.name, self.log = popen, name, log

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def output(self, lines=60):
        return tail(self.log, lines)

    def send(self, number):
        if self.alive():
            self.popen.send_signal(number)

    def wait(self, timeout=30):
        try:
            return self.popen.wait(longer(timeout))
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} (pid {self.pid}) did not end in {longer(timeout):g} s:\n{self.output()}") from None

    def stop(self, number=signal.SIGTERM, timeout=_GRACE_S):
        """Asks it to end; returns its status, or raises after killing it when it does not listen."""
        self.send(number)
        try:
            return self.wait(timeout)
        except TimeoutError:
            self.popen.kill()
            self.popen.wait()
            raise


class Scope:
    def __init__(self, label="test", directory=None):
        if os.geteuid() != 0:
            raise ScopeError("a scope needs root: it makes a cgroup")
        self.name = f"telegen-{label}-{os.getpid()}-{next(_numbers)}"
        self.mount = cgroup2_mount()
        self.root = self.mount / self.name
        self.root.mkdir()
        for leaf in ("traced", "clients", "agent"):
            (self.root / leaf).mkdir()
        self.directory = Path(directory or tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.directory.chmod(0o755)
        self.processes = []
        self._closed = False

    @property
    def selector(self):
        """What `--instrument` takes: the cgroup's path below the cgroup v2 mount, as /proc/<pid>/cgroup shows it."""
        return f"cgroup=/{self.name}/traced"

    def pids(self, leaf):
        return [int(line) for line in (self.root / leaf / "cgroup.procs").read_text().split()]

    def cpu_usec(self, leaf):
        """CPU time that the processes of a leaf have used so far, microseconds."""
        for line in (self.root / leaf / "cpu.stat").read_text().splitlines():
            key, value = line.split()
            if key == "usage_usec":
                return int(value)
        raise ScopeError(f"{self.root / leaf}/cpu.stat has no usage_usec")

    def start(self, argv, name=None, leaf="traced", **options):
        """Starts a program inside the scope, from its first instruction."""
        name = name or Path(argv[0]).name
        procs = str(self.root / leaf / "cgroup.procs")
        then = options.pop("preexec_fn", None)

        def enter():
            with open(procs, "w") as file:
                file.write("0")
            if then:
                then()

        log = self.directory / f"{len(self.processes)}-{name}.log"
        if "stdout" not in options:
            options["stdout"] = open(log, "wb")
            options.setdefault("stderr", subprocess.STDOUT)
        options.setdefault("stdin", subprocess.DEVNULL)
        popen = subprocess.Popen([str(a) for a in argv], preexec_fn=enter, **options)
        if hasattr(options["stdout"], "close"):
            options["stdout"].close()
        process = Process(popen, name, log)
        self.processes.append(process)
        return process

    def run(self, argv, timeout=60, check=True, **options):
        """Starts a program, waits for its end, returns its output."""
        process = self.start(argv, **options)
        status = process.wait(timeout)
        text = Path(process.log).read_text(errors="replace")
        if check and status != 0:
            raise ScopeError(f"{' '.join(map(str, argv))} ended with {status}:\n{text}")
        return text

    def close(self):
        """Ends everything that was started here. Raises ScopeError with what was left or would not end."""
        if self._closed:
            return
        self._closed = True
        problems = []
        for process in reversed(self.processes):
            try:
                process.stop()
            except TimeoutError as error:
                problems.append(str(error))
        for leaf in ("traced", "clients", "agent"):
            try:
                wait_until(lambda leaf=leaf: not self.pids(leaf), 5, "an empty cgroup")
            except TimeoutError:
                left = self.pids(leaf)
                problems.append(f"processes left in {leaf}: {left} (children of what the test started)")
                self._end(left, leaf)
            (self.root / leaf).rmdir()
        self.root.rmdir()
        shutil.rmtree(self.directory, ignore_errors=False)
        if problems:
            raise ScopeError("; ".join(problems))

    def _end(self, pids, leaf):
        """Only what is still in our own cgroup: a pid that was reused by somebody else is not there."""
        for pid in pids:
            if pid in self.pids(leaf):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.pids(leaf), 5, f"{leaf} to be empty after SIGKILL")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
