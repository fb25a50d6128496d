"""What `--cost` found out: a table a kernel, for build/vm/cost.md and the page that users read."""

import json
import time

from testkit import ROOT, call_cost, pages


def markdown(outcomes, emulator):
    """Lines; of machines that measured nothing there is no table."""
    lines = [f"Counted on {time.strftime('%Y-%m-%d')} with {emulator}, in instructions:"]
    for outcome, report in outcomes:
        if figures := report.figures.get("call_cost"):
            lines += ["", f"Linux {outcome.kernel.release}:", "", *call_cost.table(json.loads(figures))]
    return "\n".join(lines) + "\n"


def publish(outcomes, emulator):
    pages.publish(markdown(outcomes, emulator), ROOT / "docs" / "performance.md", "candidates in guests")
