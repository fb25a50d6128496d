#include "control/api/spans_json.h"

#include <nlohmann/json.hpp>

namespace telegen {
namespace {

using Json = nlohmann::ordered_json;

template <class Id>
std::string hex(const Id& id) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  if (!id.valid()) return text;
  for (const std::uint8_t byte : id.bytes) text += {kHex[byte >> 4], kHex[byte & 15]};
  return text;
}

std::string_view kind_text(SpanKind kind) {
  switch (kind) {
    case SpanKind::kInternal: return "internal";
    case SpanKind::kServer: return "server";
    case SpanKind::kClient: return "client";
    case SpanKind::kProducer: return "producer";
    case SpanKind::kConsumer: return "consumer";
  }
  return "internal";
}

std::string_view status_text(SpanStatus status) {
  switch (status) {
    case SpanStatus::kUnset: return "unset";
    case SpanStatus::kOk: return "ok";
    case SpanStatus::kError: return "error";
  }
  return "unset";
}

Json value_json(const Value& value) {
  return std::visit(
      [](const auto& v) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::int64_t>)
          return std::to_string(v);
        else
          return v;
      },
      value);
}

std::string service_of(const Span& span) {
  if (span.resource == nullptr) return {};
  for (const OwnedAttribute& attribute : span.resource->attributes) {
    const auto* text = std::get_if<std::string>(&attribute.value);
    if (attribute.key == "service.name" && text != nullptr) return *text;
  }
  return {};
}

}  // namespace

std::string spans_json(std::span<const Span> spans) {
  Json list = Json::array();
  for (const Span& span : spans) {
    Json attributes = Json::object();
    for (const Attribute& attribute : span.attributes)
      attributes[std::string(attribute.key)] = value_json(attribute.value);
    const std::uint64_t duration = span.end.ns > span.start.ns ? span.end.ns - span.start.ns : 0;
    list.push_back({{"trace_id", hex(span.trace_id)},
                    {"span_id", hex(span.span_id)},
                    {"parent_span_id", hex(span.parent_id)},
                    {"service", service_of(span)},
                    {"name", span.name},
                    {"kind", kind_text(span.kind)},
                    {"status", status_text(span.status)},
                    {"start_unix_ns", std::to_string(span.start.ns)},
                    {"duration_ns", std::to_string(duration)},
                    {"attributes", std::move(attributes)}});
  }
  return Json{{"spans", std::move(list)}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace telegen
