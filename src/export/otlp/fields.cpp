#include "export/otlp/fields.h"

#include <bit>

namespace telegen::otlp {
namespace {

using wire::bytes_field_size;
using wire::varint_size;
using wire::Writer;

constexpr std::size_t kIdField = 2;  // tag and length, before the id's bytes
constexpr std::size_t kFixed64Field = 9;
constexpr std::size_t kFlagsField = 6;  // field 16: the tag takes two bytes

template <class Id>
std::string_view text_of(const Id& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

// ArrayValue { repeated AnyValue values = 1; }, each AnyValue { string string_value = 1; }
std::size_t array_size(const std::vector<std::string>& list) {
  std::size_t size = 0;
  for (const std::string& text : list) size += bytes_field_size(bytes_field_size(text.size()));
  return size;
}

// AnyValue: a oneof, so a default value is written as well. string 1, bool 2, int 3, double 4, array 5.
struct AnyValueSize {
  std::size_t operator()(bool) const { return 2; }
  std::size_t operator()(std::int64_t v) const { return 1 + varint_size(static_cast<std::uint64_t>(v)); }
  std::size_t operator()(double) const { return kFixed64Field; }
  std::size_t operator()(const std::string& v) const { return bytes_field_size(v.size()); }
  std::size_t operator()(const std::vector<std::string>& v) const { return bytes_field_size(array_size(v)); }
};

struct AnyValueWriter {
  Writer& out;
  void operator()(bool v) const { out.varint_field(2, v ? 1 : 0); }
  void operator()(std::int64_t v) const { out.varint_field(3, static_cast<std::uint64_t>(v)); }
  void operator()(double v) const { out.fixed64(4, std::bit_cast<std::uint64_t>(v)); }
  void operator()(const std::string& v) const { out.bytes(1, v); }
  void operator()(const std::vector<std::string>& v) const {
    out.begin(5, array_size(v));
    for (const std::string& text : v) {
      out.begin(1, bytes_field_size(text.size()));
      out.bytes(1, text);
    }
  }
};

// Nearly all values are text or an integer: looked at first, they need no jump through a table.
template <class Visitor>
auto visit_value(const Visitor& visitor, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return visitor(*text);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return visitor(*number);
  return std::visit(visitor, value);
}

std::size_t value_size(const Value& value) { return visit_value(AnyValueSize{}, value); }

// KeyValue { string key = 1; AnyValue value = 2; }
std::size_t key_value_size(std::string_view key, const Value& value) {
  return bytes_field_size(key.size()) + bytes_field_size(value_size(value));
}

template <class List>
std::size_t attributes_size(const List& attributes) {
  std::size_t size = 0;
  for (const auto& attribute : attributes) size += bytes_field_size(key_value_size(attribute.key, attribute.value));
  return size;
}

template <class List>
void write_attributes(Writer& out, std::uint32_t field, const List& attributes) {
  for (const auto& attribute : attributes) {
    const std::size_t value = value_size(attribute.value);
    out.begin(field, bytes_field_size(attribute.key.size()) + bytes_field_size(value));
    out.bytes(1, attribute.key);
    out.begin(2, value);
    visit_value(AnyValueWriter{out}, attribute.value);
  }
}

std::size_t optional_text_size(const std::string& text) { return text.empty() ? 0 : bytes_field_size(text.size()); }
void write_optional_text(Writer& out, std::uint32_t field, std::string_view text) {
  if (!text.empty()) out.bytes(field, text);
}

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

std::size_t resource_size(const Resource& resource) { return attributes_size(resource.attributes); }
void write_resource(Writer& out, const Resource& resource) { write_attributes(out, 1, resource.attributes); }

std::size_t scope_size(const Scope& scope) {
  return optional_text_size(scope.name) + optional_text_size(scope.version);
}
void write_scope(Writer& out, const Scope& scope) {
  write_optional_text(out, 1, scope.name);
  write_optional_text(out, 2, scope.version);
}

}  // namespace telegen::otlp
