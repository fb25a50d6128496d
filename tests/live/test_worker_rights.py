"""The worker, which parses what strangers sent, has no rights."""

import os
from pathlib import Path

from testkit.clients import Curl
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


def test_the_loader_keeps_only_what_it_needs(scope, receiver, agent):
    effective = int(status_of(agent().loader_pid)["CapEff"][0], 16)
    everything = int(status_of(os.getpid())["CapEff"][0], 16)
    assert effective and effective != everything, f"the loader kept every capability: {effective:x}"
