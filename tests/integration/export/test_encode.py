"""Random spans, hostile text included: protobuf and JSON must say the same to the official library."""
import base64
import json

import pytest
from google.protobuf import json_format, unknown_fields
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def no_unknown(message):
    assert len(unknown_fields.UnknownFieldSet(message)) == 0
    for field, value in message.ListFields():
        if field.message_type:
            for item in value if hasattr(value, "__len__") and not hasattr(value, "ListFields") else [value]:
                no_unknown(item)


@pytest.mark.parametrize("seed", range(1, 9))
def test_both_encodings_agree(probe, tmp_path, seed):
    pb_file, json_file = tmp_path / "pb", tmp_path / "json"
    probe.run("encode", "--seed", seed, "--count", 200, "--pb", pb_file, "--json", json_file)
    binary = ExportTraceServiceRequest.FromString(pb_file.read_bytes())
    no_unknown(binary)
    tree = json.loads(json_file.read_bytes().decode("utf-8", errors="strict"))
    spans = 0
    for rs in tree["resourceSpans"]:
        for ss in rs["scopeSpans"]:
            for span in ss["spans"]:
                spans += 1
                for key in ("traceId", "spanId", "parentSpanId"):
                    if key in span:
                        assert span[key] == span[key].lower()
                        span[key] = base64.b64encode(bytes.fromhex(span[key])).decode()
                assert isinstance(span["kind"], int) and isinstance(span["startTimeUnixNano"], str)
    assert spans == 200
    text = ExportTraceServiceRequest()
    json_format.ParseDict(tree, text)
    for message in (binary, text):  # `status {}` and none mean the same
        for rs in message.resource_spans:
            for ss in rs.scope_spans:
                for span in ss.spans:
                    span.status.SetInParent()
    assert text == binary
    assert binary.resource_spans[0].schema_url == "https://opentelemetry.io/schemas/1.44.0"
    assert binary.resource_spans[0].scope_spans[0].scope.name == "telegen"
    assert len(binary.resource_spans) == 5  # four resources and none, each once
