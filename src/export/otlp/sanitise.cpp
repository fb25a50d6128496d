#include "export/otlp/sanitise.h"

#include <algorithm>

#include "export/otlp/utf8.h"

namespace telegen::otlp {
namespace {

bool is_valid(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return valid_utf8(*text);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    return std::ranges::all_of(*list, [](const std::string& s) { return valid_utf8(s); });
  }
  return true;
}

bool all_valid(const Attributes& attributes) {
  return std::ranges::all_of(attributes, [](const Attribute& a) { return is_valid(a.value); });
}

void clean(std::string& text) {
  if (!valid_utf8(text)) text = to_valid_utf8(text);
}

void clean(Value& value) {
  if (auto* text = std::get_if<std::string>(&value)) clean(*text);
  if (auto* list = std::get_if<std::vector<std::string>>(&value)) {
    for (std::string& text : *list) clean(text);
  }
}

void clean(Attributes& attributes) {
  for (Attribute& attribute : attributes) clean(attribute.value);
}

}  // namespace

bool has_valid_text(const Span& span) {
  return valid_utf8(span.name) && valid_utf8(span.trace_state) && valid_utf8(span.status_message) &&
         all_valid(span.attributes) && std::ranges::all_of(span.events, [](const SpanEvent& event) {
           return valid_utf8(event.name) && all_valid(event.attributes);
         });
}

bool has_valid_text(const Resource& resource) {
  return std::ranges::all_of(resource.attributes,
                             [](const OwnedAttribute& a) { return valid_utf8(a.key) && is_valid(a.value); });
}

Span sanitised(const Span& span) {
  Span out = span;
  clean(out.name);
  clean(out.trace_state);
  clean(out.status_message);
  clean(out.attributes);
  for (SpanEvent& event : out.events) {
    clean(event.name);
    clean(event.attributes);
  }
  return out;
}

Resource sanitised(const Resource& resource) {
  Resource out = resource;
  for (OwnedAttribute& attribute : out.attributes) {
    clean(attribute.key);
    clean(attribute.value);
  }
  return out;
}

}  // namespace telegen::otlp
