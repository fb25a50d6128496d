#!/usr/bin/env python3
"""The live tests on other kernels: boots emulated machines, as many at a time as there are processors."""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "tools")]

from testkit import BUILD, ROOT, pages  # noqa: E402
from vm import archive, configurations, cost, kernels, machine, results, rootfs  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(prog="vm-test", description=__doc__)
    parser.add_argument("--kernel", action="append", default=[],
                        help=f"{', '.join(kernels.ROWS)}; all of this machine's architecture if none is given")
    parser.add_argument("--configuration", "-c", action="append", default=[],
                        help=f"{', '.join(c.name for c in configurations.CONFIGURATIONS)}; all if none is given")
    parser.add_argument("--ci", action="store_true", help="what the CI runs: two kernels, the tests that matter there")
    parser.add_argument("--cost", action="store_true", help="no tests: what each candidate of a hook adds to system calls")
    parser.add_argument("--refresh", action="store_true", help="look for newer kernel packages")
    parser.add_argument("--fetch-only", action="store_true", help="kernels into the cache, and nothing else")
    parser.add_argument("--time-scale", type=float, default=machine.TIME_SCALE, help="how slow a guest is taken to be")
    parser.add_argument("--publish", action="store_true",
                        help="put the results into docs/kernels.md, those of --cost into docs/performance.md")
    parser.add_argument("tests", nargs="*", help="arguments for pytest, in place of the configuration's (after --)")
    return parser.parse_args()


class Processors:
    """A guest takes as many of the host's processors as it has; one that wants more than there are gets all."""

    def __init__(self):
        self.count = self.free = max(os.cpu_count() or 1, 1)
        self.changed = threading.Condition()

    def take(self, wanted):
        wanted = min(wanted, self.count)
        with self.changed:
            self.changed.wait_for(lambda: self.free >= wanted)
            self.free -= wanted
        return wanted

    def give(self, taken):
        with self.changed:
            self.free += taken
            self.changed.notify_all()


def plan(options):
    """[(kernel's name, configuration)], those that need most processors first."""
    if options.ci:
        return [(name, configurations.CI) for name in options.kernel or configurations.CI_KERNELS]
    if options.cost:
        return [(name, configurations.COST) for name in options.kernel or kernels.of_this_machine()]
    chosen = configurations.named(options.configuration) if options.configuration else configurations.CONFIGURATIONS
    wanted = options.kernel or kernels.of_this_machine()
    pairs = [(name, c) for name in wanted for c in chosen if name in c.kernels]
    if not pairs:
        raise KeyError("none of these kernels has any of these configurations (tests/vm/configurations.py)")
    return sorted(pairs, key=lambda pair: -pair[1].cpus)


def say(outcome, report):
    reason = results.verdict(outcome, report)
    print(f"{'FAILED' if reason else 'ok':7} {outcome.title:24} {report.count('passed'):4} passed, "
          f"{report.count('failed')} failed, {report.count('skipped')} skipped in {outcome.wall_seconds:.0f} s"
          + (f": {reason}" if reason else ""), flush=True)
    for test in report.tests:
        if test.verdict == "failed":
            first = test.reason.strip().splitlines()
            print(f"        {test.case}: {first[0][:200] if first else ''}", flush=True)


def run_all(pairs, options):
    found = {name: kernels.kernel(name, options.refresh) for name in dict.fromkeys(name for name, _ in pairs)}
    images = {each: [rootfs.base_image(each), rootfs.project_image(each)]
              for each in dict.fromkeys(kernel.architecture for kernel in found.values())}
    processors = Processors()

    def one(pair):
        name, configuration = pair
        taken = processors.take(configuration.cpus)
        try:
            outcome = machine.run(found[name], configuration, images[found[name].architecture],
                                  options.tests or configuration.tests, options.time_scale)
        finally:
            processors.give(taken)
        report = results.read(outcome.junit)
        say(outcome, report)
        return outcome, report

    # One thread a processor, so that the order of the plan is kept.
    with ThreadPoolExecutor(processors.count) as pool:
        return list(pool.map(one, pairs))


def end_machines(number, _):
    for each in list(machine.RUNNING):
        each.terminate()
    sys.exit(128 + number)


def remembered(names, chosen):
    """Every whole run of these kernels in these configurations that is still in build/vm/runs."""
    kept = [machine.remembered(name, c) for name in names for c in chosen]
    return [(outcome, results.read(outcome.junit)) for outcome in kept if outcome]


def publish(options):
    """Into the page that users read."""
    here = kernels.of_this_machine()
    for section, names in (("results", here), ("other-architectures", [name for name in kernels.ROWS if name not in here])):
        if outcomes := remembered(names, (*configurations.CONFIGURATIONS, configurations.CI)):
            pages.publish(results.markdown(outcomes, about(options)), ROOT / "docs" / "kernels.md", section)


def emulator():
    return subprocess.run(["qemu-system-x86_64", "--version"], capture_output=True, text=True).stdout.split("\n")[0]


def about(options):
    return [f"Measured on {time.strftime('%Y-%m-%d')} with {emulator()}, software emulation, {os.cpu_count()} processors.",
            f"A guest is taken to be {options.time_scale:g} times slower than an ordinary machine: time limits are longer by "
            "that factor, and load tests send less and slower by it."]


def tell(outcomes, options):
    """Writes down what this run found out; what of it users read, with the runs before, into their pages."""
    if options.cost:
        (BUILD / "vm" / "cost.md").write_text(cost.markdown(outcomes, emulator()))
        if options.publish:
            cost.publish(remembered(kernels.of_this_machine(), [configurations.COST]), emulator())
        return "build/vm/cost.md"
    (BUILD / "vm" / "results.md").write_text(results.markdown(outcomes, about(options)))
    if options.publish:
        publish(options)
    return "build/vm/results.md"


def main():
    options = arguments()
    begin = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end_machines)
    if options.fetch_only:
        for name in options.kernel or kernels.of_this_machine():
            print(kernels.kernel(name, options.refresh).image)
        return 0
    try:
        pairs = plan(options)
        outcomes = run_all(pairs, options)
    except (archive.ArchiveError, KeyError, FileNotFoundError) as error:
        print(f"vm-test: {error.args[0]}", file=sys.stderr)
        return 1
    told = tell(outcomes, options)
    failed = sum(bool(results.verdict(*pair)) for pair in outcomes)
    print(f"{len(outcomes) - failed} of {len(outcomes)} machines ok in {(time.monotonic() - begin) / 60:.1f} min; "
          f"{told}, build/vm/runs/")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
