#include "export/otlp/json.h"

#include "export/otlp/json_text.h"
#include "export/otlp/traces.h"

namespace telegen::otlp {
namespace {

void write_event(std::string& out, const SpanEvent& event) {
  JsonObject object(out);
  object.nanoseconds("timeUnixNano", event.time.ns);
  object.text("name", event.name);
  object.attributes("attributes", event.attributes);
  object.end();
}

void write_status(std::string& out, const Span& span) {
  JsonObject object(out);
  object.text("message", span.status_message);
  if (span.status != SpanStatus::kUnset) json_number(object.field("code"), static_cast<unsigned>(span.status));
  object.end();
}

void write_span(std::string& out, const Span& span) {
  JsonObject object(out);
  json_hex(object.field("traceId"), span.trace_id.bytes);
  json_hex(object.field("spanId"), span.span_id.bytes);
  object.text("traceState", span.trace_state);
  if (span.parent_id.valid()) json_hex(object.field("parentSpanId"), span.parent_id.bytes);
  json_number(object.field("flags"), span_flags(span));
  object.text("name", span.name);
  json_number(object.field("kind"), static_cast<unsigned>(span.kind));
  object.nanoseconds("startTimeUnixNano", span.start.ns);
  object.nanoseconds("endTimeUnixNano", span.end.ns);
  object.attributes("attributes", span.attributes);
  if (span.dropped_attributes_count != 0) {
    json_number(object.field("droppedAttributesCount"), span.dropped_attributes_count);
  }
  if (!span.events.empty()) {
    json_array(object.field("events"), span.events, [&out](const SpanEvent& event) { write_event(out, event); });
  }
  write_status(object.field("status"), span);
  object.end();
}

void write_record(std::string& out, const LogRecord& record) {
  JsonObject object(out);
  if (record.time.ns != 0) object.nanoseconds("timeUnixNano", record.time.ns);
  object.nanoseconds("observedTimeUnixNano", record.observed_time.ns);
  if (record.severity != Severity::kUnspecified) {
    json_number(object.field("severityNumber"), static_cast<unsigned>(record.severity));
  }
  object.text("severityText", record.severity_text);
  if (record.body) json_value(object.field("body"), *record.body);
  object.attributes("attributes", record.attributes);
  if (record.dropped_attributes != 0) json_number(object.field("droppedAttributesCount"), record.dropped_attributes);
  if (record.trace_flags != 0) json_number(object.field("flags"), static_cast<unsigned>(record.trace_flags));
  if (record.trace_id.valid()) json_hex(object.field("traceId"), record.trace_id.bytes);
  if (record.span_id.valid()) json_hex(object.field("spanId"), record.span_id.bytes);
  object.text("eventName", record.event_name);
  object.end();
}

}  // namespace

std::string encode_traces_json(std::span<const Span> spans, const Scope& scope) {
  return json_request(spans, scope, {"resourceSpans", "scopeSpans", "spans"}, write_span);
}

std::string encode_logs_json(std::span<const LogRecord> records, const Scope& scope) {
  return json_request(records, scope, {"resourceLogs", "scopeLogs", "logRecords"}, write_record);
}

}  // namespace telegen::otlp
