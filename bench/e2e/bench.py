#!/usr/bin/env python3
"""The measured budgets, end to end. Writes build/bench.json and prints a table. See README.md beside this file."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "tools"))

import candidates  # noqa: E402
from testkit import BUILD, ROOT, churn  # noqa: E402
from testkit.agent import KERNEL_LOST, Agent  # noqa: E402
from testkit.clients import ExactLoad, RawClient, Wrk  # noqa: E402
from testkit.receiver import Receiver  # noqa: E402
from testkit.scope import Scope, wait_until  # noqa: E402
from testkit.servers import Nginx  # noqa: E402

LIMITS = {"cpu_per_request_ratio": 1.15, "worker_cpu_per_span": 3.0, "rss_idle": 40.0, "rss_loaded": 80.0, "agent_cpu_at_1000": 1.0, "agent_cpu_at_10000": 5.0, "soak_memory": 307.2,
          "startup_peak_ratio": 1.3,
          "start_to_first_span": 1.5, "churn_memory_ratio": 1.1}
METRICS = {"pipeline": {"metrics": {"enabled": True}}}  # as by default; the kit switches them off for tests
_TICKS = os.sysconf("SC_CLK_TCK")


def result(name, value, unit, method, **runs):
    return {"name": name, "value": round(value, 4), "unit": unit, "limit": LIMITS.get(name), **runs, "method": method}


def cpu_seconds(pid):
    """User + system time of one process, all its threads. Resolution: one tick (10 ms)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mb(pids, figure="VmRSS"):
    """Resident memory (VmHWM: the highest ever), the mapped ring included. Pages that the two processes share count twice."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(figure + ":"):
                total += int(line.split()[1])
    return total / 1024


class Sink:
    """A receiver in a process of its own, so that its work is not in this one's way. It says how many spans came."""

    _PROGRAM = ("import sys,time; sys.path.insert(0, sys.argv[1]); from testkit.receiver import Receiver\n"
                "r = Receiver('grpc', counting=True); print(r.endpoint, flush=True)\n"
                "while True: time.sleep(0.5); print(r.queries.total(), flush=True)")

    def __init__(self, scope):
        self._process = scope.start([sys.executable, "-c", self._PROGRAM, ROOT / "tests" / "tools"], name="sink",
                                    leaf="clients")
        self.endpoint = wait_until(self._lines, 10, "the sink's endpoint")[0]

    def _lines(self):
        return Path(self._process.log).read_text().split()

    @property
    def spans(self):
        lines = self._lines()
        return int(lines[-1]) if len(lines) > 1 else 0


def cpu_per_request(pairs, seconds):
    """(a) nginx's CPU a request, untraced and traced in turn, the same nginx throughout."""
    measured = []
    with Scope("bench") as scope:
        sink = Sink(scope)
        nginx = Nginx(scope, workers=1, log=False)
        wrk = Wrk(scope)
        wrk.run(nginx.url + "/return", 2, connections=32)  # warm up

        def once():
            before = scope.cpu_usec("traced")
            load = wrk.run(nginx.url + "/return", seconds, connections=32)
            return (scope.cpu_usec("traced") - before) / load["requests"]

        for number in range(pairs):
            values = {}
            for traced in ((False, True) if number % 2 == 0 else (True, False)):  # drift hits both alike
                agent = Agent(scope, sink.endpoint, config=METRICS).start() if traced else None
                values["traced" if traced else "untraced"] = round(once(), 4)
                if agent:
                    agent.stop()
            if sink.spans == 0:
                raise RuntimeError("no span came: this would measure an agent that does nothing")
            values["ratio"] = round(values["traced"] / values["untraced"], 4)
            measured.append(values)
            print(f"  pair {number + 1}/{pairs}: {values}", flush=True)
    method = (f"CPU of nginx (1 worker, `return 200`) from cpu.stat of its cgroup over {seconds} s of wrk -t1 -c32, keep-alive, "
              f"divided by wrk's requests; untraced and traced alternate in order; median of {pairs} pairs")
    return [result("cpu_per_request_ratio", statistics.median(m["ratio"] for m in measured), "ratio", method, pairs=measured),
            result("cpu_per_request_untraced", statistics.median(m["untraced"] for m in measured), "us", method),
            result("cpu_per_request_traced", statistics.median(m["traced"] for m in measured), "us", method)]


def worker_cost(runs, requests):
    """(b) and (c): CPU of the worker a span, memory idle and at 20,000 requests a second."""
    cpu, idle, loaded, peaks = [], [], [], []
    for number in range(runs):
        with Scope("bench") as scope:
            nginx = Nginx(scope, workers=1, log=False)
            sink = Sink(scope)
            agent = Agent(scope, sink.endpoint, config=METRICS).start()
            worker = agent.worker_pid()
            pids = [agent.loader_pid, worker]
            time.sleep(2)
            idle.append(round(rss_mb(pids), 2))
            peaks.append(round((rss_mb([worker], "VmHWM") + rss_mb(pids[:1])) / idle[-1], 3))
            before = cpu_seconds(worker)
            load = scope.start(ExactLoad(scope).command(nginx.port, requests, connections=32, rate=20_000), leaf="clients")
            peak = 0
            while load.alive():
                peak = max(peak, rss_mb(pids))
                time.sleep(0.1)
            if load.wait() != 0:
                raise RuntimeError(f"the load failed:\n{load.output()}")
            took = json.loads(Path(load.log).read_text())
            time.sleep(3)  # the last batches leave
            spans, lost = sink.spans, agent.metric(KERNEL_LOST)
            loaded.append(round(peak, 2))
            cpu.append(round((cpu_seconds(worker) - before) / requests * 1e6, 3))
            agent.stop()
        print(f"  run {number + 1}/{runs}: {cpu[-1]} us a span, {idle[-1]} MB idle, {loaded[-1]} MB at "
              f"{took['rate']:.0f} requests/s, {lost:.0f} records lost", flush=True)
        if lost or spans != requests:
            raise RuntimeError(f"{spans} spans for {requests} requests, {lost:.0f} records lost: the figures would flatter")
    how = f"{requests} requests at 20,000/s (32 keep-alive connections) on nginx, agent with default settings, OTLP/gRPC + gzip"
    return [result("worker_cpu_per_span", statistics.median(cpu), "us",
                   f"user + system time of the worker from /proc/<pid>/stat, ring to compressed OTLP sent, divided by spans; {how}",
                   runs=cpu),
            result("startup_peak_ratio", statistics.median(peaks), "ratio",
                   "highest VmRSS that the worker ever had + VmRSS of the loader, divided by both 2 s after readiness", runs=peaks),
            result("rss_idle", statistics.median(idle), "MB", "VmRSS of loader + worker 2 s after readiness", runs=idle),
            result("rss_loaded", statistics.median(loaded), "MB", f"highest VmRSS of loader + worker, seen every 0.1 s; {how}",
                   runs=loaded)]


def agent_cpu(runs, seconds):
    """(g) CPU of the whole agent as a share of one core, at steady rates and with nothing to do."""
    results = []
    for rate in (0, 1_000, 10_000):
        shares = []
        for _ in range(runs):
            with Scope("bench") as scope:
                nginx = Nginx(scope, workers=1, log=False)
                sink = Sink(scope)
                agent = Agent(scope, sink.endpoint, config=METRICS).start()
                time.sleep(2)
                before, begin = scope.cpu_usec("agent"), time.monotonic()
                if rate:
                    load = scope.start(ExactLoad(scope).command(nginx.port, rate * seconds, connections=32, rate=rate),
                                       leaf="clients")
                    if load.wait(timeout=seconds * 3 + 30) != 0:
                        raise RuntimeError(f"the load failed:\n{load.output()}")
                else:
                    time.sleep(seconds)
                took = time.monotonic() - begin
                time.sleep(2)
                shares.append(round((scope.cpu_usec("agent") - before) / 1e4 / took, 3))
                lost, spans = agent.metric(KERNEL_LOST), sink.spans
                agent.stop()
            if lost or spans != rate * seconds:
                raise RuntimeError(f"{spans} spans for {rate * seconds} requests, {lost:.0f} records lost")
        print(f"  {rate} requests/s: {shares} % of a core", flush=True)
        results.append(result(f"agent_cpu_at_{rate}", statistics.median(shares), "%",
                              f"CPU of loader + worker from cpu.stat of their cgroup over {seconds} s at {rate} requests/s "
                              "(nginx, 32 keep-alive connections), as a share of one core", runs=shares))
    return results


def soak(minutes):
    """(h) memory of the pipeline with 10,000 spans a second and nobody to take them."""
    lines = []
    program = subprocess.Popen([BUILD / "release" / "bench" / "soak" / "soak", "10000", str(int(minutes * 60))],
                               stdout=subprocess.PIPE, text=True)
    for line in program.stdout:
        lines.append(json.loads(line))
        if len(lines) % 6 == 0:
            print(f"  {lines[-1]}", flush=True)
    if program.wait() != 0 or not all(line["balanced"] for line in lines):
        raise RuntimeError("the soak failed, or its account is not balanced")
    peak = max(line["resident_mib"] + line["queue_mib"] for line in lines)
    how = f"{minutes:g} minutes at 10,000 spans/s, the receiver away, queue limit 256 MiB"
    return [result("soak_memory", peak, "MiB", f"highest resident memory + memory of the queue; {how}", runs=lines[-3:]),
            result("soak_resident", max(line["resident_mib"] for line in lines), "MiB", f"highest resident memory alone; {how}"),
            result("soak_cpu", lines[-1]["cpu_seconds"] / lines[-1]["seconds"] * 100, "%",
                   f"CPU of making, encoding, compressing and queuing the spans, as a share of one core; {how}")]


def first_span(runs):
    """(d) from the start of the process to the first span at the receiver, requests going on all the time."""
    times = []
    for _ in range(runs):
        with Scope("bench") as scope, Receiver("grpc") as receiver:
            nginx = Nginx(scope, log=False)
            with RawClient(("127.0.0.1", nginx.port)) as client:
                begin = time.monotonic()
                agent = Agent(scope, receiver.endpoint, config={"otlp": {"traces": {"batch_timeout": "50ms"}}})
                agent.start(ready=False)
                while not receiver.spans() and time.monotonic() - begin < 20:
                    client.get("/return")
                    time.sleep(0.005)
                times.append(round(time.monotonic() - begin, 4))
                if not receiver.spans():
                    raise RuntimeError(f"no span after 20 s:\n{agent.process.output()}")
            agent.stop()
    return [result("start_to_first_span", statistics.median(times), "s",
                   "from exec of telegen to its first span at a receiver on the loopback, with a request every 5 ms on a "
                   "connection that is older than the agent; batch_timeout 50ms", runs=times)]


def candidate_costs(pairs, publish):
    """(e) what each candidate of the hooks on transfers adds to system calls, of traced and of other processes."""
    figures = candidates.measure(pairs)
    if publish:
        candidates.publish(figures, pairs)
    return candidates.results(figures, pairs, result)


def come_and_go(processes, connections):
    """(f) memory after processes and connections that came and went, divided by that after a tenth of the same."""
    with Scope("bench") as scope:
        nginx = Nginx(scope, workers=1, log=False)
        sink = Sink(scope)
        agent = Agent(scope, sink.endpoint, config=METRICS).start()
        known, ready = agent.metric(churn.PROCESSES_KNOWN), churn.memory_kib(agent)
        memory, cpu = [], 0.0
        for part in (10, 1):
            cpu = churn.cpu_seconds(agent)
            churn.processes(scope, nginx.port, processes // part)
            churn.connections(scope, nginx.port, connections // part)
            cpu = churn.cpu_seconds(agent) - cpu
            churn.settle(agent, known)
            memory.append(churn.memory_kib(agent))
        lost = churn.lost(agent)
        expected = (processes + connections) * 11 // 10
        agent.stop()
        if lost or sink.spans != expected:
            raise RuntimeError(f"{sink.spans} server spans for {expected} requests, {lost:.0f} records lost")
    how = (f"{processes} processes that each execute and send one request, then {connections} connections of one request each; "
           "VmRSS of loader + worker once what ended is forgotten")
    return [result("churn_memory_ratio", memory[1] / memory[0], "ratio", f"{how}; after all, divided by after a tenth of the same",
                   runs=[round(kib / 1024, 2) for kib in (ready, *memory)]),
            result("churn_cpu", cpu, "s", f"user + system time of loader + worker; {how}")]


def micro_benchmarks():
    """The Google Benchmark programs of the release build, one result a benchmark."""
    results = []
    for program in sorted(p for p in (BUILD / "release" / "bench").rglob("bench_*") if p.is_file() and os.access(p, os.X_OK)):
        # Options as Google Benchmark 1.7 takes them.
        done = subprocess.run([program, "--benchmark_format=json", "--benchmark_repetitions=5", "--benchmark_min_time=0.2",
                               "--benchmark_enable_random_interleaving=true"], capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise RuntimeError(f"{program} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        by_name = {}
        for entry in json.loads(done.stdout)["benchmarks"]:
            if entry.get("run_type") == "iteration":
                by_name.setdefault(entry["run_name"], []).append(entry)
        for name, entries in by_name.items():
            runs = [round(e["cpu_time"], 3) for e in entries]
            results.append(result(f"{program.name}/{name}", statistics.median(runs), entries[0]["time_unit"],
                                  "Google Benchmark, CPU time an iteration, median of 5", runs=runs))
    return results


def table(results):
    width = max(len(r["name"]) for r in results)
    for r in results:
        limit = f"  (limit {r['limit']:g}: {'met' if r['value'] <= r['limit'] else 'NOT MET'})" if r["limit"] else ""
        print(f"  {r['name']:<{width}}  {r['value']:>10.3f} {r['unit']:<6}{limit}")


def main():
    parts = {"cpu_per_request": lambda a: cpu_per_request(a.pairs, a.seconds),
             "worker_cost": lambda a: worker_cost(a.runs, a.requests), "first_span": lambda a: first_span(a.runs),
             "candidates": lambda a: candidate_costs(a.pairs, a.publish),
             "agent_cpu": lambda a: agent_cpu(a.runs, a.seconds * 4), "soak": lambda a: soak(a.minutes),
             "churn": lambda a: come_and_go(a.processes, a.short_connections),
             "micro": lambda a: micro_benchmarks()}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=5, help="of load a measurement")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--processes", type=int, default=10_000, help="that come and go")
    parser.add_argument("--short-connections", type=int, default=50_000, help="that come and go")
    parser.add_argument("--minutes", type=float, default=1, help="of the soak")
    parser.add_argument("--only", choices=parts, action="append")
    parser.add_argument("--publish", action="store_true", help="put the table of `candidates` into docs/performance.md")
    parser.add_argument("--output", type=Path, default=BUILD / "bench.json")
    arguments = parser.parse_args()
    results, failed = [], []
    for name, measure in parts.items():
        if arguments.only and name not in arguments.only:
            continue
        print(f"{name} …", flush=True)
        try:
            results += measure(arguments)
        except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError) as error:
            failed.append(name)
            print(f"  {name} could not be measured: {error}", file=sys.stderr)
    if results:
        arguments.output.write_text(json.dumps(results, indent=1) + "\n")
        print(f"\n{arguments.output.name}:")
        table(results)
    missed = [r["name"] for r in results if r["limit"] and r["value"] > r["limit"]]
    if missed or failed:
        print(f"not met: {missed or 'none'}; not measured: {failed or 'none'}", file=sys.stderr)
    return 1 if missed or failed else 0


if __name__ == "__main__":
    sys.exit(main())
