"""Where this kernel cannot be traced at all, Telegen says which capability is missing, and ends with status 3."""

import json
import os
from pathlib import Path

import pytest

from testkit.agent import BINARY, Agent

REFUSED = os.environ.get("TELEGEN_VM_REFUSED", "")
EBPF = 3

pytestmark = pytest.mark.skipif(not REFUSED, reason="this configuration can be traced")


def doctor(scope, *arguments):
    process = scope.start([BINARY, "doctor", *arguments], name="doctor", leaf="agent")
    return process.wait(20), Path(process.log).read_text()


def test_doctor_names_what_is_missing(scope):
    status, output = doctor(scope, "--json")
    report = json.loads(output)
    assert (status, report["can_trace"], report["missing_rights"]) == (EBPF, False, [])
    finding = report["capabilities"][REFUSED]
    assert not finding["available"] and finding["detail"], report["capabilities"]
    rejected = [probe for probe in report["probes"] if not probe["candidate"]]
    assert rejected and all(probe["rejected"] and probe["without"] for probe in rejected)


def test_the_text_says_the_same(scope):
    detail = json.loads(doctor(scope, "--json")[1])["capabilities"][REFUSED]["detail"]
    status, text = doctor(scope)
    assert status == EBPF and f"✗ {REFUSED} " in text and detail in text
    assert "cannot be traced" in text.splitlines()[-1] or "cannot be traced" in text, text


def test_run_ends_at_once_and_says_why(scope, receiver):
    detail = json.loads(doctor(scope, "--json")[1])["capabilities"][REFUSED]["detail"]
    process = Agent(scope, receiver.endpoint).start(ready=False).process
    assert process.wait(15) == EBPF, process.output()
    assert detail in process.output()
