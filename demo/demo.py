#!/usr/bin/env python3
"""A small real system, traced before your eyes: nginx in front of a Python and a Node service, with traffic.

Everything runs in a cgroup of its own, and the agent is told to instrument that cgroup and nothing else. Ctrl-C (or
DEMO_SECONDS) ends all of it and leaves nothing behind: no process, no cgroup, no file.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "tools"))

from testkit.agent import BINARY, Agent  # noqa: E402
from testkit.scope import Scope, ScopeError  # noqa: E402
from testkit.servers import Nginx, NodeServer, PythonServer  # noqa: E402

REQUESTS_A_SECOND = 4

INTRODUCTION = """
  Telegen's demo

    traffic ──► nginx :{nginx} ──┬─► orders, a Python service :{orders}
                               └─► basket, a Node service   :{basket}

  None of the three knows of Telegen. Each line below is one span: a request that one of them served or sent,
  seen from the kernel. A request through nginx gives three: nginx serves it, nginx sends it on, the service serves it.
  Some requests fail on purpose.

  Status of the agent:   curl http://127.0.0.1:{api}/status
  {end}
"""


class Traffic(threading.Thread):
    """Requests at a bounded rate from this process, which is outside the traced cgroup."""

    PATHS = ["/orders/{n}", "/orders/{n}?details=full", "/basket/{n}", "/orders/status/500", "/basket/status/404",
             "/return", "/orders/sleep/120", "/basket/sleep/60"]

    def __init__(self, port):
        super().__init__(daemon=True)
        self._port, self._ended, self._random = port, threading.Event(), random.Random(1)
        self.sent = self.failed = 0

    def run(self):
        while not self._ended.wait(1 / REQUESTS_A_SECOND):
            path = self._random.choice(self.PATHS).format(n=self._random.randrange(1, 9999))
            try:
                with socket.create_connection(("127.0.0.1", self._port), 5) as s:
                    s.sendall(f"GET {path} HTTP/1.1\r\nHost: shop.local\r\nUser-Agent: demo/1\r\n"
                              "Connection: close\r\n\r\n".encode())
                    while s.recv(65536):
                        pass
                self.sent += 1
            except OSError:
                self.failed += 1

    def end(self):
        self._ended.set()
        self.join(6)


class Stopped(Exception):
    """A signal, or the time is over."""


def stop(*_):
    raise Stopped


def run(scope, seconds):
    orders, basket = PythonServer(scope, log=False), NodeServer(scope, log=False)
    nginx = Nginx(scope, log=False, locations=f"""
      location ^~ /orders/ {{ proxy_pass http://127.0.0.1:{orders.port}/; }}
      location ^~ /basket/ {{ proxy_pass http://127.0.0.1:{basket.port}/; }}""")
    agent = Agent(scope, arguments=["--output", "console"])
    end = f"Ends by itself in {seconds:g} s." if seconds else "Ctrl-C ends everything."
    print(INTRODUCTION.format(nginx=nginx.port, orders=orders.port, basket=basket.port, api=agent.port, end=end), flush=True)
    # In a session of its own the agent is not hit by Ctrl-C itself: it is ended in order, below.
    agent.start(stdout=None, start_new_session=True)
    traffic = Traffic(nginx.port)
    traffic.start()
    begin = time.monotonic()
    try:
        while agent.process.alive() and (not seconds or time.monotonic() - begin < seconds):
            time.sleep(0.1)
        if not agent.process.alive():
            print(f"\n  The agent ended with {agent.process.popen.returncode}; its message is above.", file=sys.stderr)
            return agent.process.popen.returncode or 1
    except Stopped:
        pass
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough
    print("\n  ending …", flush=True)
    traffic.end()
    status = agent.stop()
    print(f"  {traffic.sent} requests were sent through nginx, {traffic.failed} could not be.", flush=True)
    return status


def main():
    if os.geteuid() != 0:
        print("The demo needs root: it loads BPF programs and makes a cgroup. Use `make demo`.", file=sys.stderr)
        return 4
    if not BINARY.exists():
        print("build/release/telegen is not there yet. Use `make demo`, which builds it.", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, stop)
    seconds = float(os.environ.get("DEMO_SECONDS") or 0)
    try:
        with Scope("demo") as scope:
            status = run(scope, seconds)
    except Stopped:
        status = 0
    except (ScopeError, OSError, subprocess.SubprocessError, RuntimeError) as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        return 1
    print("  Everything that the demo started has ended; nothing is left behind.")
    return status


if __name__ == "__main__":
    sys.exit(main())
