#include "export/otlp/span_fields.h"

#include "export/otlp/traces.h"

namespace telegen::otlp {
namespace {

constexpr std::size_t kFlagsField = 6;  // field 16: the tag takes two bytes

std::size_t event_size(const SpanEvent& event) {
  return kFixed64Field + optional_text_size(event.name) + attributes_size(event.attributes);
}

// Status { string message = 2; StatusCode code = 3; }
std::size_t status_size(const Span& span) {
  return optional_text_size(span.status_message) + (span.status == SpanStatus::kUnset ? 0 : 2);
}

}  // namespace

std::uint32_t span_flags(const Span& span) {
  const bool remote = span.parent_is_remote && span.parent_id.valid();
  return span.trace_flags | kFlagHasIsRemote | (remote ? kFlagIsRemote : 0);
}

std::size_t span_size(const Span& span) {
  std::size_t size = kIdField + span.trace_id.bytes.size() + kIdField + span.span_id.bytes.size();
  size += optional_text_size(span.trace_state);
  if (span.parent_id.valid()) size += kIdField + span.parent_id.bytes.size();
  size += optional_text_size(span.name) + 2 + 2 * kFixed64Field + attributes_size(span.attributes);
  if (span.dropped_attributes_count != 0) size += 1 + varint_size(span.dropped_attributes_count);
  for (const SpanEvent& event : span.events) size += bytes_field_size(event_size(event));
  if (const std::size_t status = status_size(span); status != 0) size += bytes_field_size(status);
  return size + kFlagsField;
}

void write_span(Writer& out, const Span& span) {
  out.bytes(1, text_of(span.trace_id));
  out.bytes(2, text_of(span.span_id));
  write_optional_text(out, 3, span.trace_state);
  if (span.parent_id.valid()) out.bytes(4, text_of(span.parent_id));
  write_optional_text(out, 5, span.name);
  out.varint_field(6, static_cast<std::uint64_t>(span.kind));
  out.fixed64(7, span.start.ns);
  out.fixed64(8, span.end.ns);
  write_attributes(out, 9, span.attributes);
  if (span.dropped_attributes_count != 0) out.varint_field(10, span.dropped_attributes_count);
  for (const SpanEvent& event : span.events) {
    out.begin(11, event_size(event));
    out.fixed64(1, event.time.ns);
    write_optional_text(out, 2, event.name);
    write_attributes(out, 3, event.attributes);
  }
  if (const std::size_t status = status_size(span); status != 0) {
    out.begin(15, status);
    write_optional_text(out, 2, span.status_message);
    if (span.status != SpanStatus::kUnset) out.varint_field(3, static_cast<std::uint64_t>(span.status));
  }
  out.fixed32(16, span_flags(span));
}

}  // namespace telegen::otlp
