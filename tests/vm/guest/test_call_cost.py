"""What each candidate adds to system calls, in instructions: only on a machine whose clock counts them (`vm-test --cost`)."""

import json
import os
import statistics

import pytest

from testkit import call_cost

PAIRS = 2  # the second only shows that the figures repeat


@pytest.mark.skipif(not os.environ.get("TELEGEN_VM_COUNTS"), reason="this machine's clock does not count instructions")
@pytest.mark.timeout(250)
def test_what_each_candidate_adds(scope, record_property):
    figures = call_cost.compare(scope, PAIRS, rows=40, calls=100)
    record_property("call_cost", json.dumps(figures))
    print("\n".join(call_cost.table(figures)))
    assert figures["added"], "this kernel has no candidate"
    for name, columns in figures["added"].items():
        for column, added in columns.items():
            apart = max(added) - min(added)
            assert apart <= max(20, 0.02 * statistics.median(added)), f"{name}, {column}: counted {added}, not the same"
            assert column == "other/getppid" or min(added) > 0, f"{name}, {column}: {added}"
    assert call_cost.misplaced(figures) == [], "probe_table.cpp prefers the dearer one"
