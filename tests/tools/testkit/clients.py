"""Clients: some are programs started inside the scope, RawClient is a socket of the test itself (never traced)."""

import json
import os
import re
import socket
import time

from . import BUILD, PROGRAMS
from .pace import longer


class Curl:
    """curl with its own account of what happened. Traced when leaf is 'traced'."""

    _FORMAT = ('{"status":%{http_code},"local_port":%{local_port},"remote_port":%{remote_port},'
               '"remote_ip":"%{remote_ip}","size":%{size_download},"upload":%{size_upload},"total":%{time_total},'
               '"pretransfer":%{time_pretransfer},"method":"%{method}","version":"%{http_version}"}\n')

    def __init__(self, scope, leaf="traced"):
        self.scope, self.leaf = scope, leaf

    def get(self, *urls, options=(), timeout=30):
        """One record a URL, as curl's --write-out says it, with the user agent; `end` is when curl ended."""
        argv = ["curl", "-sS", "--noproxy", "*", "--no-progress-meter", "-w", self._FORMAT, *options]
        for url in urls:
            argv += ["-o", "/dev/null", url]
        text = self.scope.run(argv, timeout=timeout, name="curl", leaf=self.leaf)
        records = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        for record in records:
            record["end"] = time.time()
        return records

    @staticmethod
    def user_agent():
        import subprocess
        return "curl/" + subprocess.run(["curl", "--version"], capture_output=True, text=True).stdout.split()[1]


class Wrk:
    """wrk: full speed. It abandons what is in flight when its time is over, so it counts at most `connections` too few."""

    def __init__(self, scope, leaf="clients"):
        self.scope, self.leaf = scope, leaf

    def run(self, url, seconds, connections=16, threads=1, close=False):
        argv = ["wrk", "-t", threads, "-c", connections, "-d", f"{seconds}s", "--timeout", "10s"]
        if close:
            argv += ["-H", "Connection: close"]
        text = self.scope.run([*argv, url], timeout=seconds + 30, name="wrk", leaf=self.leaf)
        return parse_wrk(text)


def parse_wrk(text):
    counted = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", text)
    if not counted:
        raise ValueError(f"not the output of wrk:\n{text}")
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[counted[3]]
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return {"requests": int(counted[1]), "seconds": float(counted[2]) * unit,
            "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
            "errors": [int(n) for n in errors.groups()] if errors else [0, 0, 0, 0],
            "not_2xx": int(bad[1]) if bad else 0}


class ExactLoad:
    """A load generator that sends an exact number of requests, each with its own ?n=, and waits for every answer."""

    def __init__(self, scope, leaf="clients"):
        self.scope, self.leaf = scope, leaf

    @staticmethod
    def command(port, requests, connections=16, close=False, rate=0, path="/return"):
        return [compiled("exact_load"), "--port", port, "--requests", requests, "--connections", connections,
                "--rate", rate, "--path", path, *(["--close"] if close else [])]

    def run(self, port, requests, timeout=120, **options):
        """What it counted; `options` as in command(). Fails where an answer is missing or is not 200."""
        argv = self.command(port, requests, **options)
        return json.loads(self.scope.run(argv, timeout=timeout, leaf=self.leaf))


# How a program is linked that is no program to be run by itself, and what else one is linked with.
LINKED = {"verifier_log": ["-shared", "-fPIC"]}
LIBRARIES = {"ring": ["-l:liburing.a"]}


def compiled(name, compiler=("gcc",), folder=BUILD / "live"):
    """Path of a C helper program, compiled when its source is newer. Linked statically: one that is started thousands of
    times would spend most of its time on finding its libraries."""
    import subprocess
    source, binary = PROGRAMS / f"{name}.c", folder / name
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        binary.parent.mkdir(parents=True, exist_ok=True)
        fresh = binary.with_suffix(f".{os.getpid()}")  # two runs at once may both find it old
        subprocess.run([*compiler, "-O2", "-Wall", "-Wextra", "-Werror", *LINKED.get(name, ["-static"]), "-o", str(fresh),
                        str(source), *LIBRARIES.get(name, [])], check=True)
        fresh.replace(binary)
    return binary


class RawClient:
    """A connection with full control over what is written when."""

    def __init__(self, address, timeout=10):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(longer(timeout))
            self.socket.connect(address)
            self.port = None
        else:
            self.socket = socket.create_connection(address, longer(timeout))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.port = self.socket.getsockname()[1]
        self._held = b""

    def send(self, data, sizes=None, pause=0.0):
        """Everything in one write, or in writes of the given sizes (the last one repeats)."""
        if sizes is None:
            return self.socket.sendall(data)
        sizes = iter(sizes)
        size = 1
        while data:
            size = next(sizes, size)
            self.socket.sendall(data[:size])
            data = data[size:]
            if pause:
                time.sleep(pause)
        return None

    def response(self, head_only=False):
        """(status, headers in lower case, body) of the next response; reads no byte of the one after it."""
        while b"\r\n\r\n" not in self._held:
            self._more()
        head, self._held = self._held.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        status = int(lines[0].split(" ", 2)[1])
        if head_only or status in (204, 304) or 100 <= status < 200:
            return status, headers, b""
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, self._chunked()
        if "content-length" in headers:
            return status, headers, self._exactly(int(headers["content-length"]))
        while data := self.socket.recv(65536):
            self._held += data
        body, self._held = self._held, b""
        return status, headers, body

    def get(self, target, host="localhost", headers=()):
        lines = [f"GET {target} HTTP/1.1", f"Host: {host}", *headers]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self.response()

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError(f"closed by the server; held: {self._held[:200]!r}")
        self._held += data

    def _exactly(self, count):
        while len(self._held) < count:
            self._more()
        body, self._held = self._held[:count], self._held[count:]
        return body

    def _chunked(self):
        body = b""
        while True:
            while b"\r\n" not in self._held:
                self._more()
            line, self._held = self._held.split(b"\r\n", 1)
            size = int(line.split(b";")[0], 16)
            body += self._exactly(size)
            self._exactly(2)
            if size == 0:
                return body

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
