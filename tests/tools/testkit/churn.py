"""Processes and connections that come and go, and what the agent holds: for the test of churn and its benchmark."""

import json
import os
import time
from pathlib import Path

from .agent import KERNEL_LOST
from .clients import ExactLoad, compiled
from .scope import wait_until

PROCESSES_KNOWN = "telegen_discovery_processes"
GIVEN_BACK_WITHIN_S = 15  # the worker does it every 10 s
_TICKS = os.sysconf("SC_CLK_TCK")


def pids(running):
    return running.loader_pid, running.worker_pid()


def memory_kib(running, field="VmRSS"):
    """Of loader and worker together. VmRSS: all that is resident, what both map counted twice, as docs/performance.md has
    it. RssAnon: what is theirs alone, without the ring, program text and libraries."""
    total = 0
    for pid in pids(running):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                total += int(line.split()[1])
    return total


def cpu_seconds(running):
    """User and system time of loader and worker."""
    total = 0
    for pid in pids(running):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def lost(running):
    """But for calls that were under way when their process was selected: the one by which each program here enters its
    cgroup is such a call, and a kernel that parks arguments (before 5.15) cannot tell that it moved no bytes of a socket."""
    return sum(s.value for s in running.samples() if s.name == KERNEL_LOST and s.labels["cause"] != "arguments_missing")


def start_processes(scope, port, count):
    """Each executes a program anew and sends one request of its own, in the traced cgroup."""
    return scope.start([compiled("churn"), "--port", port, "--processes", count], name="churn", leaf="traced")


def processes(scope, port, count, timeout=400):
    process = start_processes(scope, port, count)
    status = process.wait(timeout)
    text = Path(process.log).read_text(errors="replace")
    assert status == 0 and json.loads(text) == {"processes": count, "failed": 0}, f"churn ended with {status}: {text}"


def connections(scope, port, count, timeout=400):
    """One request each, sixteen at a time, from a process that is not traced."""
    load = ExactLoad(scope).run(port, count, connections=16, close=True, timeout=timeout)
    assert load["answered"] == count and load["bad"] == 0


def settle(running, known):
    """Waits until what has ended is forgotten and what was free for a while is given back; returns how long that took."""
    begin = time.monotonic()
    wait_until(lambda: running.metric(PROCESSES_KNOWN) <= known, 60, f"{PROCESSES_KNOWN} to be {known} again", 0.5)
    time.sleep(GIVEN_BACK_WITHIN_S)
    return time.monotonic() - begin
