"""What of BPF there is in this kernel, as bpftool and /proc tell it. For a machine on which only the test loads any."""

import json
import os
import subprocess
from pathlib import Path

TRACEFS = Path("/sys/kernel/tracing")


def bpftool(*arguments):
    return json.loads(subprocess.run(["bpftool", "-j", *map(str, arguments)], capture_output=True, text=True, check=True).stdout)


def programs():
    return {entry["id"] for entry in bpftool("prog", "show")}


def maps():
    """id → name. bpftool loads a program and maps of its own for a moment, to tell who holds what: not counted."""
    return {entry["id"]: entry.get("name", "") for entry in bpftool("map", "show")
            if not entry.get("name", "").startswith(("pid_iter", "array.", "hash.", "libbpf_"))}


def links():
    return {entry["id"] for entry in bpftool("link", "show")}


def descriptors():
    """Of every process: what keeps BPF objects and perf events alive."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            for fd in os.listdir(process / "fd"):
                target = os.readlink(process / "fd" / fd)
                if "bpf" in target or "perf_event" in target:
                    found.add((process.name, fd, target))
        except OSError:
            pass  # it ended meanwhile
    return found


def dynamic_events():
    """kprobes and uprobes that were made through tracefs, and tracepoints that were switched on there."""
    names = ("kprobe_events", "uprobe_events", "set_event")
    return [line for name in names if (TRACEFS / name).exists() for line in (TRACEFS / name).read_text().split("\n") if line]


def pins():
    return sorted(str(path) for path in Path("/sys/fs/bpf").rglob("*"))


def everything():
    return {"programs": programs(), "maps": set(maps()), "links": links(), "descriptors": descriptors(),
            "dynamic events": dynamic_events(), "pins": pins()}
