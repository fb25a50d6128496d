#!/usr/bin/env python3
"""Records nginx-curl.telegen and writes nginx-curl.json, what replaying it gives. Root; see README.md.

    make_golden.py TELEGEN [--expectation-only]
"""

import json
import os
import re
import struct
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tools")]

PATHS = ["/return", "/items/5?n=1", "/status/404", "/status/503", "/missing"]
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def record(file):
    from testkit.agent import Agent
    from testkit.clients import Curl
    from testkit.scope import Scope, wait_until
    from testkit.servers import Nginx

    with Scope("golden") as scope:
        nginx = Nginx(scope)
        recorded = scope.directory / "recording"
        agent = Agent(scope, command=("record", recorded)).start()
        curl = Curl(scope)  # traced as well: both ends are recorded, and joined
        curl.get(*[nginx.url + path for path in PATHS])  # one connection, kept alive
        curl.get(nginx.url + "/return", options=["-H", f"traceparent: {TRACEPARENT}"])
        curl.get(nginx.url + "/items/7", options=["-X", "POST", "--data", "a=1&b=2"])
        curl.get(nginx.url + "/big.bin")  # more than is captured
        wait_until(lambda: len(nginx.truths()) >= len(PATHS) + 3, 5, "nginx's log")
        assert agent.stop() == 0, agent.process.output()
        file.write_bytes(without_host(recorded.read_bytes()))
        file.chmod(0o644)


def without_host(recording):
    """The format of src/ingest/recording.h; what names the machine that it was made on is replaced."""
    out, at = bytearray(recording[:24]), 24
    while at < len(recording):
        kind, length = struct.unpack_from("=II", recording, at)
        body = recording[at + 8:at + 8 + length]
        at += 8 + length
        if kind == 2:
            body = re.sub(rb"(?m)^host\.name=.*$", b"host.name=sgolden", body)
            body = re.sub(rb"(?m)^host\.id=.*$", b"host.id=s0123456789abcdef0123456789abcdef", body)
        out += struct.pack("=II", kind, len(body)) + body
    return bytes(out)


def main(binary, *options):
    file = HERE / "nginx-curl.telegen"
    if "--expectation-only" not in options:
        os.environ["TELEGEN_BINARY"] = binary
        record(file)
    from spans import replay

    spans = replay([binary], file)
    (HERE / "nginx-curl.json").write_text(json.dumps(spans, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    print(f"{len(spans)} spans of {file.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
