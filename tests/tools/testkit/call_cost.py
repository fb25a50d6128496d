"""What each candidate of the hooks on transfers adds to system calls, of a process that is traced and of one that is not.

One program (programs/call_cost.c) runs without the agent and with it, in pairs: what a pair differs by is what the agent
adds. A live machine gives nanoseconds, a guest whose clock counts instructions gives instructions; which it is the caller
knows. Nothing here judges the figures; what they are is in docs/performance.md.
"""

import itertools
import json
import statistics

from .agent import CAPTURED_BYTES, Agent, probes
from .clients import compiled
from .scope import wait_until

HOOKS = ("socket.receive", "socket.send")
PROCESSES = {"traced": "traced", "other": "clients"}  # and the leaf of the scope that it is in
COLUMNS = {  # process and kind of call_cost.c: what tables call it; a call that is never traced is the same in both
    "traced/tcp": "TCP, traced", "traced/unix": "UNIX, traced", "traced/pipe": "pipe, traced",
    "other/tcp": "TCP, other", "other/unix": "UNIX, other", "other/pipe": "pipe, other", "other/getppid": "getppid",
}


def candidates(scope):
    """{name: capabilities that this kernel lacks for it}, in the order of the probe table, which is that of preference."""
    of_hook = {key: {c["name"]: c["lacks"] for c in probe["candidates"]} for key, probe in probes(scope).items()}
    first, *rest = (of_hook[hook] for hook in HOOKS)
    if any(other != first for other in rest):
        raise AssertionError(f"{' and '.join(HOOKS)} have different candidates: {of_hook}")
    return first


def run_calls(scope, agent, rows, calls):
    """{column: nanoseconds}. Raises where an agent took less, or more, than what it is there for."""
    took = {}
    for process, leaf in PROCESSES.items():
        before = agent.metric(CAPTURED_BYTES) if agent else 0
        said = json.loads(scope.run([compiled("call_cost"), "--rows", rows, "--calls", calls], leaf=leaf, timeout=120))
        took |= {f"{process}/{key}": value for key, value in said.items() if f"{process}/{key}" in COLUMNS}
        if agent:
            check_captured(agent, before, said["transferred"] if process == "traced" else 0)
    return took


def check_captured(agent, before, expected):
    """An agent that does nothing is fast, and so is one that loses: every byte of the traced process must have come into
    the ring, and none of another one."""
    def captured():
        return agent.metric(CAPTURED_BYTES) - before

    wait_until(lambda: captured() >= expected, 10, f"{expected} captured bytes", interval=0.2)
    if captured() != expected:
        raise AssertionError(f"{captured():.0f} bytes captured, not {expected}")


def measure(scope, candidate, rows, calls):
    """run_calls() with the agent, which uses `candidate`, or with no agent for None."""
    if candidate is None:
        return run_calls(scope, None, rows, calls)
    agent = Agent(scope, arguments=[word for hook in HOOKS for word in ("--force-probe", f"{hook}={candidate}")]).start()
    try:
        return run_calls(scope, agent, rows, calls)
    finally:
        agent.stop()


def compare(scope, pairs, rows, calls, say=print):
    """{"candidates": as candidates(), "without": {column: [values]}, "added": {candidate: {column: [differences]}}}."""
    known = candidates(scope)
    possible = [name for name, lacks in known.items() if not lacks]
    without = {column: [] for column in COLUMNS}
    added = {name: {column: [] for column in COLUMNS} for name in possible}
    for number in range(pairs):
        for name in possible:
            order = (None, name) if number % 2 == 0 else (name, None)  # drift hits both alike
            took = {candidate: measure(scope, candidate, rows, calls) for candidate in order}
            for column in COLUMNS:
                without[column].append(took[None][column])
                added[name][column].append(round(took[name][column] - took[None][column], 1))
            say(f"  pair {number + 1}/{pairs}, {name}: " + ", ".join(f"{c} {added[name][c][-1]:+.0f}" for c in COLUMNS))
    return {"candidates": known, "without": without, "added": added}


def misplaced(figures):
    """[(earlier, later)] of candidates whose order of preference their costs contradict: the later one is cheaper for a
    traced connection, and nowhere dearer."""
    cost = {name: {column: statistics.median(values) for column, values in columns.items()}
            for name, columns in figures["added"].items()}
    return [(earlier, later) for earlier, later in itertools.combinations(cost, 2)
            if cost[later]["traced/tcp"] < cost[earlier]["traced/tcp"] * 0.98
            and all(cost[later][column] <= cost[earlier][column] + 1 for column in COLUMNS)]


def spread(values):
    """(lowest, highest) of the middle half: what a disturbed pair or two cannot change."""
    if len(values) < 4:
        return min(values), max(values)
    quartiles = statistics.quantiles(values, n=4)
    return quartiles[0], quartiles[2]


def table(figures):
    """Lines of Markdown: without the agent, then what each candidate adds; median, and in brackets the middle half where it
    is more than a hundredth wide."""
    without = [f"{statistics.median(figures['without'][column]):,.0f}" for column in COLUMNS]
    lines = ["| | " + " | ".join(COLUMNS.values()) + " |", "|---|" + "---|" * len(COLUMNS),
             "| without Telegen | " + " | ".join(without) + " |"]
    for name, lacks in figures["candidates"].items():
        cells = ["–"] * len(COLUMNS) if lacks else [_cell(figures["added"][name][column]) for column in COLUMNS]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return lines


def _cell(values):
    median, (low, high) = statistics.median(values), spread(values)
    apart = f" ({low:,.0f} to {high:,.0f})" if high - low > max(2, 0.01 * abs(median)) else ""
    return f"{median:+,.0f}{apart}"
