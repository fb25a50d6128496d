"""replay_golden_test.py COMMAND...: the committed recording gives the committed spans, field by field, ids aside."""

import json
import sys
from pathlib import Path

from spans import replay

HERE = Path(__file__).parent


def differences(expected, got, where):
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in sorted(expected.keys() | got.keys()):
            yield from differences(expected.get(key, "(none)"), got.get(key, "(none)"), f"{where}.{key}")
    elif expected != got:
        yield f"{where}: expected {expected!r}, got {got!r}"


def main(*command):
    expected = json.loads((HERE / "nginx-curl.json").read_text())
    got = replay(command, HERE / "nginx-curl.telegen")
    wrong = [] if len(expected) == len(got) else [f"expected {len(expected)} spans, got {len(got)}"]
    for number, (one, other) in enumerate(zip(expected, got)):
        wrong += differences(one, other, f"span {number} ({one['name']})")
    print("\n".join(wrong) or f"{len(got)} spans as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
