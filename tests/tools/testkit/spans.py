"""A received span as a plain value, and the rules that hold for every span whatever it is about."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import unknown_fields
from opentelemetry.proto.trace.v1 import trace_pb2

SERVER, CLIENT = trace_pb2.Span.SPAN_KIND_SERVER, trace_pb2.Span.SPAN_KIND_CLIENT
UNSET, OK, ERROR = (trace_pb2.Status.STATUS_CODE_UNSET, trace_pb2.Status.STATUS_CODE_OK,
                    trace_pb2.Status.STATUS_CODE_ERROR)

_ALLOWED = Path(__file__).resolve().parents[2] / "live" / "semconv_allowed.txt"


@dataclass
class Span:
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    start: int  # ns since 1970
    end: int
    attributes: dict
    resource: dict
    status: int = UNSET
    status_message: str = ""
    flags: int = 0
    trace_state: str = ""
    events: list = field(default_factory=list)
    scope: tuple = ("", "")
    schema_url: str = ""

    @property
    def duration(self):
        """seconds"""
        return (self.end - self.start) / 1e9

    @property
    def service(self):
        return self.resource.get("service.name")


def allowed_names(path=_ALLOWED):
    """(names of spans, names of resources); a name that ends in * is a prefix."""
    sections, current = {"span": set(), "resource": set()}, None
    for line in Path(path).read_text().splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("["):
            current = sections[line.strip("[]")]
        elif line:
            current.add(line)
    return sections["span"], sections["resource"]


def is_allowed(name, names):
    return name in names or any(n.endswith("*") and name.startswith(n[:-1]) for n in names)


def value_of(any_value):
    """AnyValue → Python. Raises ValueError where the value is not set."""
    kind = any_value.WhichOneof("value")
    if kind is None:
        raise ValueError("a value that is not set")
    value = getattr(any_value, kind)
    if kind == "array_value":
        return [value_of(v) for v in value.values]
    if kind == "kvlist_value":
        return {kv.key: value_of(kv.value) for kv in value.values}
    return value


def unknown_in(message, path=""):
    """Paths of fields that the official definitions do not have."""
    found = [f"{path}#{f.field_number}" for f in unknown_fields.UnknownFieldSet(message)]
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        values = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
        for number, item in enumerate(values):
            found += unknown_in(item, f"{path}/{descriptor.name}[{number}]")
    return found


def attributes_of(pairs, names, where, problems):
    """Key-value pairs of OTLP as a dict. One that comes twice, has no allowed name or no valid value is a problem."""
    result = {}
    for pair in pairs:
        if pair.key in result:
            problems.append(f"{where}: attribute {pair.key} twice")
        if not is_allowed(pair.key, names):
            problems.append(f"{where}: attribute {pair.key} is not in semconv_allowed.txt")
        try:
            result[pair.key] = value_of(pair.value)
        except ValueError as error:
            problems.append(f"{where}: attribute {pair.key}: {error}")
    return result


class Decoder:
    """ExportTraceServiceRequest → spans. What breaks a rule goes to `problems`, with where it was."""

    def __init__(self, problems):
        self.problems = problems
        self.span_names, self.resource_names = allowed_names()
        self._seen = set()

    def decode(self, request):
        for path in unknown_in(request):
            self.problems.append(f"unknown field {path}")
        if not request.resource_spans:
            self.problems.append("an export request without resource_spans")
        spans = []
        for resource_spans in request.resource_spans:
            resource = attributes_of(resource_spans.resource.attributes, self.resource_names, "resource", self.problems)
            if not resource.get("service.name"):
                self.problems.append(f"a resource without service.name: {resource}")
            if resource_spans.resource.dropped_attributes_count:
                self.problems.append(f"dropped resource attributes: {resource}")
            if not resource_spans.scope_spans:
                self.problems.append(f"resource_spans without scope_spans: {resource}")
            for scope_spans in resource_spans.scope_spans:
                if not scope_spans.spans:
                    self.problems.append(f"scope_spans without spans: {resource}")
                schema = scope_spans.schema_url or resource_spans.schema_url
                if not re.fullmatch(r"https://opentelemetry\.io/schemas/\d+\.\d+\.\d+", schema):
                    self.problems.append(f"schema_url {schema!r}")
                scope = (scope_spans.scope.name, scope_spans.scope.version)
                if not all(scope):
                    self.problems.append(f"instrumentation scope {scope}")
                spans += [self._span(s, resource, scope, schema) for s in scope_spans.spans]
        return spans

    def _span(self, span, resource, scope, schema):
        where = f"span {span.name!r} {span.span_id.hex()}"
        complain = lambda text: self.problems.append(f"{where}: {text}")  # noqa: E731
        if len(span.trace_id) != 16 or not any(span.trace_id):
            complain(f"trace_id {span.trace_id.hex()!r}")
        if len(span.span_id) != 8 or not any(span.span_id):
            complain(f"span_id {span.span_id.hex()!r}")
        if span.parent_span_id and (len(span.parent_span_id) != 8 or not any(span.parent_span_id)):
            complain(f"parent_span_id {span.parent_span_id.hex()!r}")
        if span.parent_span_id == span.span_id:
            complain("is its own parent")
        if (span.trace_id, span.span_id) in self._seen:
            complain("was exported twice")
        self._seen.add((span.trace_id, span.span_id))
        if not span.name:
            complain("has no name")
        if span.kind not in (1, 2, 3, 4, 5):
            complain(f"kind {span.kind}")
        if not 0 < span.start_time_unix_nano <= span.end_time_unix_nano:
            complain(f"start {span.start_time_unix_nano}, end {span.end_time_unix_nano}")
        if span.status.code not in (UNSET, OK, ERROR) or (span.status.message and span.status.code != ERROR):
            complain(f"status {span.status}")
        if span.flags & ~0x3FF:
            complain(f"reserved flag bits are set: {span.flags:#x}")
        if span.dropped_attributes_count or span.dropped_events_count or span.dropped_links_count:
            complain("dropped something")
        return Span(span.name, span.kind, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(),
                    span.start_time_unix_nano, span.end_time_unix_nano,
                    attributes_of(span.attributes, self.span_names, where, self.problems), resource, span.status.code,
                    span.status.message, span.flags, span.trace_state,
                    [(e.name, e.time_unix_nano) for e in span.events], scope, schema)
