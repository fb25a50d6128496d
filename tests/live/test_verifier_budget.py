"""What the kernel's verifier has to walk through for each program: near a million it refuses, and long before that a
change that doubles it is worth a look. bpf/verifier_budget.json has the figures, a kernel a column; a program that grew
by more than a fifth, or is new, needs that file changed with it:

    TELEGEN_UPDATE_BUDGET=1 scripts/live-test tests/live/test_verifier_budget.py
"""

import json
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from test_candidates import CANDIDATES, forced
from testkit import ROOT

FILE = ROOT / "bpf" / "verifier_budget.json"
GROWTH = 1.2
KERNEL = ".".join(platform.release().split(".")[:2])


def verified_instructions(loader):
    """By program, from the loader's descriptors: {"socket_sent": 1234}."""
    counts = {}
    for info in Path(f"/proc/{loader}/fdinfo").iterdir():
        try:
            text = info.read_text()
        except FileNotFoundError:
            continue  # closed while we looked
        number = re.search(r"^prog_id:\s+(\d+)$", text, re.MULTILINE)
        if not number or "prog_type:" not in text:
            continue  # a link has a program's id as well
        verified = re.search(r"^verified_insns:\s+(\d+)$", text, re.MULTILINE)
        if not verified:
            pytest.skip("kernels before 5.16 do not tell how many instructions were verified")
        shown = subprocess.run([shutil.which("bpftool") or "/usr/sbin/bpftool", "-j", "prog", "show", "id", number[1]],
                               capture_output=True, text=True, check=True)
        counts[json.loads(shown.stdout)["name"]] = int(verified[1])
    return counts


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_no_program_grows_unseen(scope, receiver, agent, candidate):
    running = agent(arguments=forced(scope, candidate))
    counted = verified_instructions(running.loader_pid)
    assert {"process_exec", "tcp_state_change"} < counted.keys(), f"these are not the agent's programs: {counted}"
    budget = json.loads(FILE.read_text())
    if os.environ.get("TELEGEN_UPDATE_BUDGET"):
        budget.setdefault(KERNEL, {}).update(counted)
        FILE.write_text(json.dumps({k: dict(sorted(v.items())) for k, v in sorted(budget.items())}, indent=1) + "\n")
        return
    if KERNEL not in budget:
        pytest.skip(f"no figures were recorded on Linux {KERNEL}; it counts {counted}")
    known = budget[KERNEL]
    grown = {name: (known.get(name), now) for name, now in counted.items() if now > known.get(name, 0) * GROWTH}
    assert not grown, f"(recorded, now) of programs that are new or grew by more than a fifth: {grown}"
