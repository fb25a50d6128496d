#!/usr/bin/env python3
"""Writes traces.pb and traces.json: the spans of tests/unit/export/sample_spans.h as the official library encodes them.

Provenance: opentelemetry-proto and protobuf of PyPI (pip install opentelemetry-proto==1.45.2), run once by hand:
    python make_golden.py
"""
import base64
import json
import math
import pathlib

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SCHEMA = "https://opentelemetry.io/schemas/1.44.0"


def ids(first, n):
    return bytes((first + i) % 256 for i in range(n))


def put(attributes, key, value):
    kv = attributes.add(key=key)
    if isinstance(value, bool):
        kv.value.bool_value = value
    elif isinstance(value, int):
        kv.value.int_value = value
    elif isinstance(value, float):
        kv.value.double_value = value
    elif isinstance(value, str):
        kv.value.string_value = value
    else:
        kv.value.array_value.SetInParent()
        for text in value:
            kv.value.array_value.values.add().string_value = text


def group(request, resource):
    rs = request.resource_spans.add(schema_url=SCHEMA)
    rs.resource.SetInParent()
    for key, value in resource:
        put(rs.resource.attributes, key, value)
    ss = rs.scope_spans.add(schema_url=SCHEMA)
    ss.scope.name = "telegen"
    ss.scope.version = "1.2.3"
    return ss.spans


def build():
    request = ExportTraceServiceRequest()
    spans = group(request, [("service.name", "checkout"), ("process.pid", 4242), ("user.label/é", ["a", "", "ü"])])
    full = spans.add(trace_id=ids(0x10, 16), span_id=ids(0xA0, 8), parent_span_id=ids(0xB0, 8),
                     trace_state="vendor=a,other=b", name="GET /cart/{id}", kind=2,
                     start_time_unix_nano=1700000000123456789, end_time_unix_nano=1700000000223456789,
                     flags=3 | 0x100 | 0x200)
    full.status.message = 'upstream "failed"\n\x01'
    full.status.code = 2
    for key, value in [("http.request.method", "GET"), ("http.response.status_code", 500), ("negative", -1),
                       ("smallest", -(2**63)), ("zero", 0), ("ratio", 0.25), ("infinite", -math.inf), ("yes", True),
                       ("no", False), ("empty", ""), ("nul", "a\0b"), ("long", "x" * 300),
                       ("list", ["10.0.0.1", "", "::1"]), ("empty.list", [])]:
        put(full.attributes, key, value)
    event = full.events.add(time_unix_nano=1700000000150000000, name="retry")
    put(event.attributes, "attempt", 2)
    full.events.add(time_unix_nano=7)
    local = spans.add()
    local.CopyFrom(full)
    local.flags = 0x100
    local.kind = 3
    local.ClearField("status")
    local.status.code = 1
    local.ClearField("trace_state")
    del local.events[:]
    del local.attributes[2:]
    for resource, kind, name, message in [([("service.name", "cart")], 1, "", ""), ([], 5, "orders receive", "no code")]:
        span = group(request, resource).add(trace_id=ids(1, 16), span_id=ids(2, 8), kind=kind, name=name,
                                            start_time_unix_nano=5, end_time_unix_nano=6,
                                            flags=1 | 0x100)
        if message:
            span.status.message = message
    return request


def otlp_json(message):
    """The protobuf JSON mapping with what OTLP changes: ids in hex, enums as numbers."""
    return _hex_ids(json_format.MessageToDict(message, use_integers_for_enums=True))


def _hex_ids(value):
    if isinstance(value, dict):
        return {key: base64.b64decode(inner).hex() if key in ("traceId", "spanId", "parentSpanId") else _hex_ids(inner)
                for key, inner in value.items()}
    return [_hex_ids(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    request = build()
    data = request.SerializeToString(deterministic=True)
    (here / "traces.pb").write_bytes(data)
    (here / "traces.json").write_text(json.dumps(otlp_json(request), ensure_ascii=False, indent=1) + "\n")
    print(len(data))
