"""A control group whose memory is limited, for an agent that is to live near its limit."""

import itertools
import os
from pathlib import Path

from .scope import cgroup2_mount

_numbers = itertools.count(1)


def _version_1():
    with open("/proc/mounts") as mounts:
        places = [line.split() for line in mounts]
    return next((Path(m[1]) for m in places if m[2] == "cgroup" and "memory" in m[3].split(",")), None)


class MemoryGroup:
    """`wrapper` goes before a command that is to run in it. It has to be empty again before close()."""

    def __init__(self, limit):
        parent = _version_1()
        self.version = 1 if parent else 2
        if self.version == 2:
            parent = cgroup2_mount()
            (parent / "cgroup.subtree_control").write_text("+memory")
        self.root = parent / f"telegen-memory-{os.getpid()}-{next(_numbers)}"
        self.root.mkdir()
        self._write({1: "memory.limit_in_bytes", 2: "memory.max"}, limit)

    def _write(self, names, value):
        (self.root / names[self.version]).write_text(str(value))

    def _read(self, names):
        return (self.root / names[self.version]).read_text()

    @property
    def wrapper(self):
        return ["sh", "-c", f'echo 0 > {self.root}/cgroup.procs && exec "$@"', "sh"]

    def peak(self):
        return int(self._read({1: "memory.max_usage_in_bytes", 2: "memory.peak"}))

    def killed(self):
        """How many processes of it the kernel has killed for want of memory."""
        for line in self._read({1: "memory.oom_control", 2: "memory.events"}).splitlines():
            key, value = line.split()
            if key == "oom_kill":
                return int(value)
        raise ValueError("the kernel does not count what it kills")

    def close(self):
        self.root.rmdir()
