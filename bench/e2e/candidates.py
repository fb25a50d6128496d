"""What each candidate of the hooks on transfers adds to system calls of this host, in nanoseconds: for the table in
docs/performance.md. scripts/vm-test --cost has the same in instructions, for kernels that have other candidates."""

import platform
import statistics
import time

from testkit import ROOT, call_cost, pages
from testkit.scope import Scope

ROWS, CALLS = 200, 50  # a row is over in a fraction of a millisecond: most of them are not interrupted


def measure(pairs):
    with Scope("bench") as scope:
        figures = call_cost.compare(scope, pairs, ROWS, CALLS, lambda line: print(line, flush=True))
    print("\n".join(call_cost.table(figures)))
    return figures


def results(figures, pairs, result):
    """One entry a candidate and kind of call; `result` makes it."""
    method = (f"quickest of {ROWS} rows of {CALLS} calls (programs/call_cost.c, pinned), with and without the agent in turn; "
              f"the difference; median of {pairs} pairs")
    made = [result(f"call/{column}", statistics.median(values), "ns", method, runs=values)
            for column, values in figures["without"].items()]
    return made + [result(f"call/{column}/{name}", statistics.median(values), "ns", method, runs=values)
                   for name, columns in figures["added"].items() for column, values in columns.items()]


def publish(figures, pairs):
    """Not from a machine where something else traces system calls half of the time: that makes the emptiest one longer."""
    low, high = call_cost.spread(figures["without"]["other/getppid"])
    if high > 1.1 * low:
        raise RuntimeError(f"not published, as this machine was not quiet: getppid took {low:.0f} to {high:.0f} ns")
    lines = [f"Measured on {time.strftime('%Y-%m-%d')} with Linux {platform.release().split('-')[0]}, {platform.machine()}, "
             f"{pairs} pairs, nanoseconds:", "", *call_cost.table(figures)]
    pages.publish("\n".join(lines) + "\n", ROOT / "docs" / "performance.md", "candidates on a host")
