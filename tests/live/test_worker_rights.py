"""The worker, which parses what strangers sent, has no rights."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from testkit.agent import BINARY
from testkit.clients import Curl
from testkit.scope import wait_until
from testkit.servers import Nginx

NONE = "0" * 16


def status_of(pid):
    lines = (line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {key: value.split() for key, value in lines}


def test_the_worker_has_no_rights_while_it_works(scope, receiver, agent):
    nginx = Nginx(scope)
    running = agent()
    Curl(scope, leaf="clients").get(nginx.url + "/return")
    receiver.wait_for(1)
    pid = running.worker_pid()
    status = status_of(pid)
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert status[capabilities] == [NONE], capabilities
    assert status["NoNewPrivs"] == ["1"] and status["Seccomp"] == ["2"]
    assert "0" not in status["Uid"] + status["Gid"] and not {"0"} & set(status["Groups"])
    assert len(set(status["Uid"])) == len(set(status["Gid"])) == 1, "real, effective, saved and file system id are one"
    for thread in os.listdir(f"/proc/{pid}/task"):  # seccomp and capabilities are a thread's, not a process's
        of_thread = status_of(f"{pid}/task/{thread}")
        assert (of_thread["CapEff"], of_thread["Seccomp"], of_thread["NoNewPrivs"]) == ([NONE], ["2"], ["1"])


def test_the_worker_holds_no_descriptor_that_it_should_not(scope, receiver, agent):
    running = agent()
    links = []
    for fd in os.listdir(f"/proc/{running.worker_pid()}/fd"):
        try:
            links.append(os.readlink(f"/proc/{running.worker_pid()}/fd/{fd}"))
        except FileNotFoundError:
            pass  # closed while we looked
    assert [link for link in links if "bpf" in link], f"no ring is held, so this looks at the wrong process: {links}"
    programs = [link for link in links if "bpf-prog" in link or "bpf_link" in link or "bpf-link" in link]
    assert not programs, f"the worker can detach or replace programs: {programs}"
    assert not [link for link in links if link.startswith(("/proc", "/sys", "/etc/shadow"))], links


def test_a_worker_that_was_taken_over_is_refused_everything(scope):
    """A process that confined itself by the same functions as the worker tries what it may not do."""
    answer = json.loads(scope.run([BINARY, "worker", "--self-check"], leaf="agent"))
    by_the_filter = ("bpf", "open_write", "open_create", "open_truncate", "packet_socket", "fork", "mount", "kill",
                     "kill_own_user", "tiocsti", "ptrace", "execve")
    assert answer == {"open_shadow": "EACCES", **dict.fromkeys(by_the_filter, "EPERM")}


def test_the_self_check_needs_root(scope):
    process = scope.start(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", BINARY, "worker", "--self-check"],
                          leaf="agent")
    assert process.wait() == 4, process.output()
    assert "drop supplementary groups" in process.output()


KEPT = sum(1 << bit for bit in (2, 5, 6, 7, 8, 19))  # DAC_READ_SEARCH, KILL, SETGID, SETUID, SETPCAP, SYS_PTRACE


# Before Linux 5.19 a look-up in a map takes CAP_BPF too, where unprivileged bpf() is switched off: EPERM, not EBADF.
LOOK_UP_IN_NO_MAP = """
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
bpf = {"x86_64": 321, "aarch64": 280}[platform.machine()]
libc.syscall(bpf, 4, (ctypes.c_uint64 * 4)(0xFFFFFFFF), 32)  # BPF_MAP_GET_NEXT_KEY
print(ctypes.get_errno() == 1)
"""


def kept_here():
    refused = subprocess.run(["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", LOOK_UP_IN_NO_MAP],
                             capture_output=True, text=True, check=True).stdout.strip()
    return KEPT | (1 << 39 if refused == "True" else 0)


def check_the_loader(running):
    kept = kept_here()
    for thread in os.listdir(f"/proc/{running.loader_pid}/task"):
        status = status_of(f"{running.loader_pid}/task/{thread}")
        sets = {name: int(status[name][0], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")}
        assert sets == {"CapEff": kept, "CapPrm": kept, "CapBnd": kept, "CapInh": 0, "CapAmb": 0}


def test_the_loader_keeps_only_what_it_needs(scope, receiver, agent):
    everything = int(status_of(os.getpid())["CapEff"][0], 16)
    assert everything & ~KEPT, "the test has nothing to give up, so it would show nothing"
    check_the_loader(agent())


def replaced(running, before):
    def other():
        pid = running.worker_pid()
        return pid != before and running.get("/readyz", quiet=True)[0] == 200

    wait_until(other, 15, "another worker that is ready")


def test_the_loader_replaces_workers_with_what_it_keeps(scope, receiver, agent):
    nginx = Nginx(scope)
    running = agent()
    curl = Curl(scope, leaf="clients")
    for number, end in enumerate((signal.SIGHUP, signal.SIGKILL, signal.SIGHUP), start=1):
        before = running.worker_pid()
        if end == signal.SIGHUP:
            running.write_config({"telegen": {"service_name": f"another-{number}"}})  # nothing that applies in place
            running.process.send(end)
        else:
            os.kill(before, end)  # of the scope's agent cgroup: the one that was started here
        replaced(running, before)
        assert status_of(running.worker_pid())["CapBnd"] == [NONE]
        curl.get(nginx.url + "/return")
        spans = receiver.wait_for(number)
        assert len(spans) == number and spans[-1].resource["service.name"] == spans[0].resource["service.name"]
        check_the_loader(running)


def test_eight_capabilities_are_enough(scope, receiver, agent):
    """What deploy/systemd grants: CAP_SYS_ADMIN is not among them, so tracefs has to be mounted by somebody else, nor is
    CAP_SYS_RESOURCE, so the limit that counts for BPF maps before Linux 5.11 has to be lifted by somebody else (where that
    is allowed at all: newer kernels need it not)."""
    names = "bpf", "perfmon", "sys_ptrace", "dac_read_search", "setuid", "setgid", "setpcap", "kill"
    if int(Path("/proc/sys/kernel/perf_event_paranoid").read_text()) > 2:  # Debian's addition to what the kernel knows
        names += ("sys_admin",)
    prepare = ("ulimit -l unlimited 2>/dev/null; test -d /sys/kernel/tracing/events || "
               "mount -t tracefs tracefs /sys/kernel/tracing; exec \"$@\"")
    nginx = Nginx(scope)
    running = agent(wrapper=["unshare", "--mount", "sh", "-c", prepare, "sh",
                             "setpriv", "--bounding-set=-all," + ",".join("+" + name for name in names)])
    check_the_loader(running)
    Curl(scope, leaf="clients").get(nginx.url + "/return")
    assert len(receiver.wait_for(1)) == 1
