#include "pipeline/span_size.h"

#include <string>
#include <variant>
#include <vector>

namespace telegen {
namespace {

// Longer than this libstdc++ keeps a string's text outside of it.
const std::size_t kInlineText = std::string().capacity();

std::size_t owned_bytes(const std::string& text) { return text.capacity() > kInlineText ? text.capacity() + 1 : 0; }

std::size_t owned_bytes(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return owned_bytes(*text);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    std::size_t bytes = list->capacity() * sizeof(std::string);
    for (const std::string& text : *list) bytes += owned_bytes(text);
    return bytes;
  }
  return 0;
}

std::size_t owned_bytes(const Attributes& attributes) {
  std::size_t bytes = attributes.capacity() * sizeof(Attribute);
  for (const Attribute& attribute : attributes) bytes += owned_bytes(attribute.value);
  return bytes;
}

}  // namespace

std::size_t held_bytes(const Span& span) {
  std::size_t bytes = sizeof(Span) + owned_bytes(span.name) + owned_bytes(span.trace_state) +
                      owned_bytes(span.status_message) + owned_bytes(span.attributes) +
                      span.events.capacity() * sizeof(SpanEvent);
  for (const SpanEvent& event : span.events) bytes += owned_bytes(event.name) + owned_bytes(event.attributes);
  return bytes;
}

}  // namespace telegen
