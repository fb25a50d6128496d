"""After the agent has ended, however it ended, the kernel is as it was."""

import os
import signal
import subprocess

import pytest

import kernel_objects
from testkit.clients import Curl
from testkit.scope import wait_until
from testkit.servers import Nginx


@pytest.fixture(autouse=True, scope="module")
def bpf_file_system():
    """So that a pin would have somewhere to be. tracefs is mounted by whoever comes first: the test, here."""
    for kind, place in (("bpf", "/sys/fs/bpf"), ("tracefs", "/sys/kernel/tracing")):
        if not os.path.ismount(place):
            subprocess.run(["mount", "-t", kind, kind, place], check=True)


def term(running):
    assert running.stop(signal.SIGTERM) == 0


def interrupt(running):
    assert running.stop(signal.SIGINT) == 0


def kill_loader(running):
    running.process.popen.kill()
    running.process.wait()


def kill_both(running):
    os.kill(running.worker_pid(), signal.SIGSTOP)  # so that it cannot end in order
    worker = running.worker_pid()
    running.process.popen.kill()
    os.kill(worker, signal.SIGKILL)
    running.process.wait()


@pytest.mark.parametrize("end", [term, interrupt, kill_loader, kill_both])
def test_no_object_of_it_is_left_in_the_kernel(scope, receiver, agent, end):
    before = kernel_objects.everything()
    nginx = Nginx(scope)
    running = agent()
    Curl(scope, leaf="clients").get(nginx.url + "/return")
    assert len(receiver.wait_for(1)) == 1
    while_it_runs = kernel_objects.everything()
    for kind, at_least in (("programs", 10), ("maps", 8), ("links", 3), ("descriptors", 10)):
        assert len(while_it_runs[kind]) >= len(before[kind]) + at_least, f"{kind}: the test looks at the wrong things"
    assert while_it_runs["pins"] == before["pins"], "something is pinned: it would outlive a killed loader"

    end(running)
    wait_until(lambda: not scope.pids("agent"), 20, "loader and worker to be gone")
    try:  # the kernel frees them a grace period after the last descriptor is closed
        wait_until(lambda: kernel_objects.everything() == before, 10, "the kernel to be as it was", interval=0.3)
    except TimeoutError:
        now = kernel_objects.everything()
        left = {kind: [x for x in now[kind] if x not in before[kind]] for kind in now}
        raise AssertionError(f"left in the kernel: { {k: v for k, v in left.items() if v} }") from None
