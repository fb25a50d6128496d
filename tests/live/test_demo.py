"""`make demo` shows spans and leaves nothing behind, however it ends."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from testkit import ROOT
from testkit.pace import longer
from testkit.scope import cgroup2_mount


def leftovers():
    temporary = Path(tempfile.gettempdir())
    return sorted(map(str, [*cgroup2_mount().glob("telegen-demo-*"), *temporary.glob("telegen-demo-*")]))


def start(output, seconds=""):
    return subprocess.Popen([sys.executable, ROOT / "demo" / "demo.py"], stdout=output, stderr=subprocess.STDOUT,
                            start_new_session=True, env={**os.environ, "DEMO_SECONDS": seconds})


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("end", ["time", signal.SIGINT, signal.SIGTERM])
def test_the_demo_leaves_nothing(tmp_path, end):
    before = leftovers()
    said = tmp_path / "said"
    seconds = longer(5)
    with said.open("wb") as output:
        demo = start(output, f"{seconds:.0f}" if end == "time" else "")
        if end != "time":
            time.sleep(seconds)
            demo.send_signal(end)
        status = demo.wait(longer(40))
    text = said.read_text()
    assert status == 0, text
    assert leftovers() == before
    for service in ("nginx", "orders", "basket"):
        assert sum(service in line and "GET" in line for line in text.splitlines()) >= 1, f"no span of {service}:\n{text}"
    assert "nothing is left behind" in text
    assert not _alive(demo.pid), "the demo's process group still has members"


def _alive(group):
    """Whether anything of the demo's own session is left (the agent has a session of its own: its cgroup is gone)."""
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False


def test_the_demo_says_what_is_missing(tmp_path):
    with (tmp_path / "said").open("wb") as output:
        demo = subprocess.Popen([sys.executable, ROOT / "demo" / "demo.py"], stdout=output, stderr=subprocess.STDOUT,
                                env={**os.environ, "TELEGEN_BINARY": str(tmp_path / "none")})
        assert demo.wait(longer(10)) == 1
    assert "make demo" in (tmp_path / "said").read_text()
