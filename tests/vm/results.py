"""What the guests' junit files say, as tables."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field


@dataclass
class Test:
    name: str     # without parameters: module::function
    case: str     # with them
    verdict: str  # passed, failed, skipped
    reason: str = ""


@dataclass
class Report:
    tests: list = field(default_factory=list)
    figures: dict = field(default_factory=dict)  # what tests recorded with record_property

    def count(self, verdict):
        return sum(test.verdict == verdict for test in self.tests)


def read(path):
    """A Report; an empty one where there is no file."""
    report = Report()
    if not path.exists():
        return report
    for case in ElementTree.parse(path).iter("testcase"):
        module = case.get("classname", "").split(".")[-1]
        verdict, reason = "passed", ""
        for child in case:
            if child.tag in ("failure", "error"):
                verdict, reason = "failed", child.get("message", "")
            elif child.tag == "skipped" and verdict == "passed":
                verdict, reason = "skipped", child.get("message", "")
            elif child.tag == "properties":
                report.figures |= {each.get("name"): each.get("value") for each in child}
        case_name = f"{module}::{case.get('name')}"
        report.tests.append(Test(re.sub(r"\[.*\]$", "", case_name, flags=re.S), case_name, verdict, reason))
    return report


def verdict(outcome, report):
    """'' for a run that is as it should be, else why not."""
    reasons = list(outcome.problems)
    if failed := report.count("failed"):
        reasons.append(f"{failed} of {len(report.tests)} tests failed")
    if outcome.status not in (0, 1, None):
        reasons.append(f"pytest ended with {outcome.status}")
    if not report.count("passed"):
        reasons.append("no test passed")
    return "; ".join(reasons)


def _cell(tests):
    if not tests:
        return "·"
    passed, failed = (sum(t.verdict == v for t in tests) for v in ("passed", "failed"))
    if failed:
        return f"**✗ {failed} of {len(tests)}**"
    return f"✓ {passed}" if passed else "skipped"


def _summary(outcomes):
    lines = ["| kernel | configuration | passed | failed | skipped | boot | in all | steady rate | |", "|" + "---|" * 9]
    for outcome, report in outcomes:
        boot = f"{outcome.boot_seconds:.1f} s" if outcome.boot_seconds else "–"
        rate = report.figures.get("steady_rate")
        lines.append(f"| {outcome.kernel.release} | {outcome.configuration.name} | {report.count('passed')} | "
                     f"{report.count('failed')} | {report.count('skipped')} | {boot} | {outcome.wall_seconds:.0f} s | "
                     f"{rate + '/s' if rate else '–'} | {verdict(outcome, report) or 'ok'} |")
    return lines


def _row(test):
    """Where a test stands in the table: each candidate of a hook has a row of its own."""
    return test.case if test.name.startswith("test_candidates::") else test.name


def _matrix(outcomes):
    """One table a kernel: a row a test, a column a configuration."""
    lines = []
    for kernel in dict.fromkeys(outcome.kernel.name for outcome, _ in outcomes):
        chosen = [(o, r) for o, r in outcomes if o.kernel.name == kernel]
        lines += ["", f"### {chosen[0][0].kernel.release} ({chosen[0][0].kernel.suite}, package {chosen[0][0].kernel.version})",
                  "", "| test | " + " | ".join(o.configuration.name for o, _ in chosen) + " |",
                  "|---|" + "---|" * len(chosen)]
        for row in dict.fromkeys(_row(test) for _, report in chosen for test in report.tests):
            cells = [_cell([t for t in report.tests if _row(t) == row]) for _, report in chosen]
            lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return lines


def _figures(outcomes):
    lines = []
    for outcome, report in outcomes:
        for key, value in report.figures.items():
            if key not in ("steady_rate", "call_cost"):  # which have tables
                lines.append(f"- {outcome.title}, {key}: {value}")
    return ["", *lines] if lines else []


def markdown(outcomes, about):
    """`about`: lines that say what this was measured on."""
    shows = {o.configuration.name: o.configuration.shows for o, _ in outcomes}
    return "\n".join([*about, "", *_summary(outcomes), "", "What a configuration shows:", "",
                      *(f"- **{name}**: {text}" for name, text in shows.items()), *_figures(outcomes), "",
                      "A cell has how many cases of a test passed; `·` is a test that the configuration does not run. A candidate "
                      "(in brackets) is skipped where the kernel cannot have it.",
                      *_matrix(outcomes)]) + "\n"
