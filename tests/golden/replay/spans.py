"""What `telegen replay --output file:…` wrote, as plain values that can be compared: ids by the order they appear in."""

import json
import subprocess
import tempfile
from pathlib import Path


def replay(command, recording):
    """The spans that `command`, which is telegen, makes of a recording. Needs no rights; listens on a free port of loopback and sends nothing."""
    with tempfile.TemporaryDirectory() as folder:
        out, config = Path(folder) / "spans.jsonl", Path(folder) / "telegen.yaml"
        config.write_text("self_telemetry: {listen: ''}\n")
        done = subprocess.run([*command, "replay", recording, "--config", config, "--output", f"file:{out}"],
                              capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin"}, check=False)
        if done.returncode != 0:
            raise SystemExit(f"telegen replay ended with {done.returncode}:\n{done.stderr}")
        return normalized([json.loads(line) for line in out.read_text().splitlines()])


def attributes(items):
    plain = {}
    for item in items:
        if item["key"] in plain:
            raise SystemExit(f"attribute {item['key']} is there twice")
        plain[item["key"]] = item["value"]
    return plain


def normalized(requests):
    spans = []
    for request in requests:
        for of_resource in request["resourceSpans"]:
            for of_scope in of_resource["scopeSpans"]:
                for span in of_scope["spans"]:
                    resource = attributes(of_resource["resource"]["attributes"])
                    # The version is the program's, not the recording's; recorded resources have that of their time.
                    spans.append({**span, "attributes": attributes(span["attributes"]), "resource": resource,
                                  "scope": of_scope["scope"]["name"],
                                  "schemas": [of_resource.get("schemaUrl"), of_scope.get("schemaUrl")]})
    spans.sort(key=lambda s: (int(s["startTimeUnixNano"]), s["kind"]))
    names = {}
    for span in spans:  # every span first, so that a parent's name does not depend on where it is mentioned first
        for kind in ("traceId", "spanId"):
            names.setdefault(span[kind], f"{kind} {len(names) + 1}")
    for span in spans:
        for kind in ("traceId", "spanId", "parentSpanId"):
            if kind in span:
                span[kind] = names.get(span[kind], span[kind])
    return spans
