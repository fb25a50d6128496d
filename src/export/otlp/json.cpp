#include "export/otlp/json.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "export/otlp/utf8.h"

namespace telegen::otlp {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void escape(std::string& out, unsigned char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  out += "\\u00";
  out += kHex[c >> 4];
  out += kHex[c & 15];
}

void text(std::string& out, std::string_view value) {
  out += '"';
  std::size_t plain = 0;  // where the run that needs no change began
  std::size_t i = 0;
  const auto flush = [&] { out.append(value.substr(plain, i - plain)); };
  while (i < value.size()) {
    const auto c = static_cast<unsigned char>(value[i]);
    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    if (c < 0x80) {
      flush();
      escape(out, c);
      plain = ++i;
      continue;
    }
    std::size_t skip = 0;
    const std::size_t length = utf8_sequence(value.substr(i), skip);
    if (length != 0) {
      i += length;
      continue;
    }
    flush();
    out += "\xef\xbf\xbd";
    plain = i += skip;
  }
  flush();
  out += '"';
}

template <class Number>
void number(std::string& out, Number value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, error == std::errc() ? end : buffer);
}

template <class Integer>
void quoted(std::string& out, Integer value) {
  out += '"';
  number(out, value);
  out += '"';
}

template <class Id>
void hex(std::string& out, const Id& id) {
  out += '"';
  for (const std::uint8_t byte : id.bytes) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  out += '"';
}

void real(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    number(out, value);
  }
}

struct ValueWriter {
  std::string& out;
  void operator()(bool v) const { out += v ? R"({"boolValue":true})" : R"({"boolValue":false})"; }
  void operator()(std::int64_t v) const {
    out += R"({"intValue":)";
    quoted(out, v);
    out += '}';
  }
  void operator()(double v) const {
    out += R"({"doubleValue":)";
    real(out, v);
    out += '}';
  }
  void operator()(const std::string& v) const {
    out += R"({"stringValue":)";
    text(out, v);
    out += '}';
  }
  void operator()(const std::vector<std::string>& v) const {
    out += R"({"arrayValue":{"values":[)";
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (i != 0) out += ',';
      (*this)(v[i]);
    }
    out += "]}}";
  }
};

template <class List>
void attributes(std::string& out, const List& list) {
  out += R"("attributes":[)";
  bool first = true;
  for (const auto& attribute : list) {
    if (!first) out += ',';
    first = false;
    out += R"({"key":)";
    text(out, attribute.key);
    out += R"(,"value":)";
    std::visit(ValueWriter{out}, attribute.value);
    out += '}';
  }
  out += ']';
}

void events(std::string& out, const std::vector<SpanEvent>& list) {
  out += R"(,"events":[)";
  for (std::size_t i = 0; i < list.size(); ++i) {
    out += i == 0 ? R"({"timeUnixNano":)" : R"(,{"timeUnixNano":)";
    quoted(out, list[i].time.ns);
    out += R"(,"name":)";
    text(out, list[i].name);
    out += ',';
    attributes(out, list[i].attributes);
    out += '}';
  }
  out += ']';
}

void status(std::string& out, const Span& span) {
  out += R"(,"status":{)";
  if (!span.status_message.empty()) {
    out += R"("message":)";
    text(out, span.status_message);
    if (span.status != SpanStatus::kUnset) out += ',';
  }
  if (span.status != SpanStatus::kUnset) {
    out += R"("code":)";
    number(out, static_cast<unsigned>(span.status));
  }
  out += '}';
}

void write_span(std::string& out, const Span& span) {
  out += R"({"traceId":)";
  hex(out, span.trace_id);
  out += R"(,"spanId":)";
  hex(out, span.span_id);
  if (!span.trace_state.empty()) {
    out += R"(,"traceState":)";
    text(out, span.trace_state);
  }
  if (span.parent_id.valid()) {
    out += R"(,"parentSpanId":)";
    hex(out, span.parent_id);
  }
  out += R"(,"flags":)";
  number(out, span_flags(span));
  out += R"(,"name":)";
  text(out, span.name);
  out += R"(,"kind":)";
  number(out, static_cast<unsigned>(span.kind));
  out += R"(,"startTimeUnixNano":)";
  quoted(out, span.start.ns);
  out += R"(,"endTimeUnixNano":)";
  quoted(out, span.end.ns);
  out += ',';
  attributes(out, span.attributes);
  if (span.dropped_attributes_count != 0) {
    out += R"(,"droppedAttributesCount":)";
    number(out, span.dropped_attributes_count);
  }
  if (!span.events.empty()) events(out, span.events);
  status(out, span);
  out += '}';
}

void schema_url(std::string& out) {
  out += R"(,"schemaUrl":)";
  text(out, kSchemaUrl);
  out += '}';
}

void write_group(std::string& out, const std::vector<const Span*>& spans, const Scope& scope) {
  out += R"({"resource":{)";
  if (const Resource* resource = spans.front()->resource.get()) attributes(out, resource->attributes);
  out += R"(},"scopeSpans":[{"scope":{"name":)";
  text(out, scope.name);
  if (!scope.version.empty()) {
    out += R"(,"version":)";
    text(out, scope.version);
  }
  out += R"(},"spans":[)";
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (i != 0) out += ',';
    write_span(out, *spans[i]);
  }
  out += ']';
  schema_url(out);
  out += ']';
  schema_url(out);
}

}  // namespace

std::string encode_traces_json(std::span<const Span> spans, const Scope& scope) {
  std::vector<std::vector<const Span*>> groups;
  std::unordered_map<const Resource*, std::size_t> index;
  for (const Span& span : spans) {
    const auto [it, is_new] = index.try_emplace(span.resource.get(), groups.size());
    if (is_new) groups.emplace_back();
    groups[it->second].push_back(&span);
  }
  std::string out;
  out.reserve(1024 + spans.size() * 1536);
  out += R"({"resourceSpans":[)";
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (i != 0) out += ',';
    write_group(out, groups[i], scope);
  }
  out += "]}";
  return out;
}

}  // namespace telegen::otlp
