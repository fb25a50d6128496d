"""What the kernel's verifier has to walk through for each program: near a million it refuses, and long before that a
change that doubles it is worth a look. bpf/verifier_budget.json has the figures, a kernel a column; a program that grew
by more than a fifth, or is new, needs that file changed with it (a program is in several candidates, and the largest
figure is kept; delete a column to make it anew):

    TELEGEN_UPDATE_BUDGET=1 scripts/live-test tests/live/test_verifier_budget.py

In a virtual machine the test says what it counted, to be copied: the file there is gone with the machine.
"""

import json
import os
import platform
import re

import pytest

from test_candidates import CANDIDATES, forced
from testkit import ROOT
from testkit.clients import compiled

FILE = ROOT / "bpf" / "verifier_budget.json"
TABLE = ROOT / "src" / "loader" / "plan" / "probe_table.cpp"
GROWTH = 1.2
KERNEL = ".".join(platform.release().split(".")[:2])
NAME_LENGTH = 15  # of a program's name in the kernel


def verified_instructions(log):
    """By program: {"socket_sent": 1234}. Of one that was loaded twice the last counts: it is the one that stayed."""
    names = {name[:NAME_LENGTH]: name for name in re.findall(r'"(\w+)"', TABLE.read_text())}
    counted = (line.split() for line in log.read_text().splitlines())
    return {names[name]: int(number) for name, number in counted if name in names}


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_no_program_grows_unseen(scope, receiver, agent, candidate):
    log = scope.directory / "verifier.log"
    agent(arguments=forced(scope, candidate),
          environment={"LD_PRELOAD": str(compiled("verifier_log")), "VERIFIER_LOG": str(log)})
    counted = verified_instructions(log)
    assert {"process_exec", "tcp_state_change"} < counted.keys(), f"these are not the agent's programs: {counted}"
    budget = json.loads(FILE.read_text())
    if os.environ.get("TELEGEN_UPDATE_BUDGET"):
        column = budget.setdefault(KERNEL, {})
        column.update({name: max(now, column.get(name, 0)) for name, now in counted.items()})
        FILE.write_text(json.dumps({k: dict(sorted(v.items())) for k, v in sorted(budget.items())}, indent=1) + "\n")
        return
    if KERNEL not in budget:
        pytest.skip(f"no figures were recorded on Linux {KERNEL}; it counts {counted}")
    known = budget[KERNEL]
    grown = {name: (known.get(name), now) for name, now in counted.items() if now > known.get(name, 0) * GROWTH}
    assert not grown, f"(recorded, now) of programs that are new or grew by more than a fifth: {grown}"
