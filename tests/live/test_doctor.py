"""`telegen doctor`: what it says, as text and as JSON, and its exit code."""

import json
import platform
import re
from pathlib import Path

import pytest

from testkit import ROOT
from testkit.agent import BINARY

CAPABILITIES = {"btf", "ring_buffer", "growing_tables", "kernel_reads", "tracepoint", "btf_tracepoint", "task_registers",
                "socket_length", "trampoline", "socket_functions", "kprobe", "socket_kprobes", "uprobe", "io_uring"}
RIGHTS = ["CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP",
          "CAP_KILL"]
PERMISSION = 4
NO_COST = "nothing: what takes the transfers sees this as well"


def rows_of_the_table():
    """The keys of probe_table(), from its source: what doctor prints must be all of it."""
    source = (ROOT / "src/loader/plan/probe_table.cpp").read_text()
    return re.findall(r'^    \{"([a-z_.]+)", "', source, re.MULTILINE)


def doctor(scope, *arguments, wrapper=()):
    process = scope.start([*wrapper, BINARY, "doctor", *arguments], name="doctor", leaf="agent")
    status = process.wait(20)
    return status, Path(process.log).read_text()


def without(*names):
    return ["setpriv", "--bounding-set=" + ",".join("-" + name for name in names)]


def check_shape(report):
    assert set(report) == {"kernel", "machine", "worker_user", "missing_rights", "capabilities", "probes", "io_uring",
                           "can_trace"}
    assert (report["kernel"], report["machine"]) == (platform.release(), platform.machine())
    assert report["worker_user"] and report["worker_user"] != "root"
    assert set(report["capabilities"]) == CAPABILITIES
    for name, finding in report["capabilities"].items():
        assert set(finding) == {"available", "detail"}, name
        assert isinstance(finding["available"], bool), name
        assert finding["available"] == (finding["detail"] == ""), f"{name}: a reason exactly where it is missing"
    assert [probe["key"] for probe in report["probes"]] == rows_of_the_table()
    for probe in report["probes"]:
        assert set(probe) == {"key", "purpose", "candidate", "cost", "rejected", "candidates", "without"}
        assert probe["purpose"] and probe["without"]
        assert (probe["candidate"] is None) == (probe["cost"] is None), probe["key"]
        assert probe["candidate"] or probe["rejected"], f"{probe['key']}: not used, and no reason"
        check_candidates(probe, report["capabilities"])
    io_uring = report["io_uring"]
    assert set(io_uring) == {"seen", "detail", "force_probe"}
    assert io_uring["seen"] == (io_uring["detail"] == "") and not (io_uring["seen"] and io_uring["force_probe"])
    assert set(io_uring["force_probe"]) <= {"socket.receive", "socket.send"}
    assert all(f"{hook}: {probe}" in io_uring["detail"] for hook, probe in io_uring["force_probe"].items())


def check_candidates(probe, capabilities):
    """All are listed, the first that lacks nothing is the one in use, and those before it are the rejected ones."""
    for candidate in probe["candidates"]:
        assert set(candidate) == {"name", "cost", "lacks"} and candidate["name"] and candidate["cost"]
        assert all(not capabilities[need]["available"] for need in candidate["lacks"])
    possible = [candidate for candidate in probe["candidates"] if not candidate["lacks"]]
    assert (probe["candidate"], probe["cost"]) in ([(c["name"], cost) for c in possible[:1] for cost in (c["cost"], NO_COST)]
                                                   or [(None, None)])
    rejected = [why.split(": ")[0] for why in probe["rejected"]]
    assert rejected == [candidate["name"] for candidate in probe["candidates"]][:len(rejected)]
    assert len(rejected) == (probe["candidates"].index(possible[0]) if possible else len(probe["candidates"]))


def test_as_root(scope):
    status, output = doctor(scope, "--json")
    report = json.loads(output)
    check_shape(report)
    assert status == 0 and report["can_trace"] is True and report["missing_rights"] == []
    for name in ("btf", "ring_buffer", "tracepoint", "btf_tracepoint"):  # this test runs where the agent can trace
        assert report["capabilities"][name]["available"], name
    assert all(probe["candidate"] and probe["cost"] for probe in report["probes"])


def test_without_capabilities(scope):
    status, output = doctor(scope, "--json", wrapper=["setpriv", "--bounding-set=-all"])
    report = json.loads(output)
    check_shape(report)
    assert status == PERMISSION and report["can_trace"] is False
    assert [right["name"] for right in report["missing_rights"]] == RIGHTS
    assert all(right["purpose"] for right in report["missing_rights"])
    assert not report["capabilities"]["ring_buffer"]["available"]


@pytest.mark.parametrize("right", RIGHTS[2:])
def test_each_right_is_missed_by_its_name(scope, right):
    status, output = doctor(scope, "--json", wrapper=without(right.removeprefix("CAP_").lower()))
    report = json.loads(output)
    assert (status, report["can_trace"]) == (PERMISSION, False)
    assert [missing["name"] for missing in report["missing_rights"]] == [right]


@pytest.mark.parametrize("right", RIGHTS[:2])
def test_sys_admin_stands_for_the_two_that_it_was_split_into(scope, right):
    name = right.removeprefix("CAP_").lower()
    status, output = doctor(scope, "--json", wrapper=without(name))
    assert status == 0 and json.loads(output)["missing_rights"] == []
    status, output = doctor(scope, "--json", wrapper=without(name, "sys_admin"))
    assert status == PERMISSION and [missing["name"] for missing in json.loads(output)["missing_rights"]] == [right]


def test_a_kernel_that_asks_for_more_than_perfmon_says_so(scope):
    """kernel.perf_event_paranoid above 2, which Debian's kernels have by default and others take without any effect."""
    level = int(Path("/proc/sys/kernel/perf_event_paranoid").read_text())
    if level <= 2:
        pytest.skip(f"kernel.perf_event_paranoid is {level} here")
    mount = 'test -d /sys/kernel/tracing/events || mount -t tracefs tracefs /sys/kernel/tracing; exec "$@"'
    _, output = doctor(scope, "--json", wrapper=["unshare", "--mount", "sh", "-c", mount, "sh", *without("sys_admin")])
    report = json.loads(output)
    check_shape(report)
    assert report["missing_rights"] == []
    assert report["capabilities"]["tracepoint"]["detail"] == (
        f"kernel.perf_event_paranoid is {level}, which takes CAP_SYS_ADMIN: sysctl kernel.perf_event_paranoid=2")


def test_tracefs_that_may_not_be_mounted_is_a_finding_that_says_what_to_do(scope):
    """Hidden under an empty file system in a mount namespace of the test's own."""
    hide = 'mount -t tmpfs none /sys/kernel/tracing && mount -t tmpfs none /sys/kernel/debug && exec "$@"'
    status, output = doctor(scope, "--json", wrapper=["unshare", "--mount", "sh", "-c", hide, "sh", *without("sys_admin")])
    report = json.loads(output)
    check_shape(report)
    # Typed tracepoints, fexit and kprobes need no tracefs: where sockets can be seen by them, the host can be traced.
    available = {name for name, found in report["capabilities"].items() if found["available"]}
    can_trace = {"task_registers", "socket_length"} <= available or bool({"socket_functions", "socket_kprobes"} & available)
    assert (status, report["can_trace"]) == ((0, True) if can_trace else (3, False)) and report["missing_rights"] == []
    missing = {probe["key"] for probe in report["probes"] if probe["candidate"] is None}
    assert {"socket.accept", "socket.unix_close", "socket.messages"} <= missing
    finding = report["capabilities"]["tracepoint"]
    assert not finding["available"] and "mount -t tracefs tracefs /sys/kernel/tracing" in finding["detail"]
    assert "CAP_SYS_ADMIN" in finding["detail"]


def test_the_text_says_the_same(scope):
    _, output = doctor(scope, "--json")
    report = json.loads(output)
    status, text = doctor(scope)
    assert status == 0 and text.endswith("This host can be traced.\n")
    assert report["kernel"] in text and f"as user {report['worker_user']}" in text
    for name, finding in report["capabilities"].items():
        assert f"{'✓' if finding['available'] else '✗'} {name} " in text
        assert finding["detail"] in text
    for probe in report["probes"]:
        assert probe["purpose"] in text and f"costs {probe['cost']}" in text
    io_uring = re.search(r"^io_uring    (.) what goes through it is (.*)$", text, re.MULTILINE)
    assert io_uring[1] == ("✓" if report["io_uring"]["seen"] else "✗")
    assert io_uring[2] == ("seen" if report["io_uring"]["seen"] else report["io_uring"]["detail"])
    assert len(re.findall(r"^\s+costs ", text, re.MULTILINE)) == len(report["probes"])
