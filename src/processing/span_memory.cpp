#include "processing/span_memory.h"

namespace telegen {
namespace {

std::size_t owned(const std::string& text) {
  static const std::size_t inline_capacity = std::string().capacity();  // longer text is outside of the string
  return text.capacity() > inline_capacity ? text.capacity() + 1 : 0;
}

std::size_t owned(const Attributes& attributes) {
  std::size_t bytes = attributes.capacity() * sizeof(Attribute);
  for (const Attribute& attribute : attributes) {
    if (const auto* text = std::get_if<std::string>(&attribute.value)) bytes += owned(*text);
    const auto* list = std::get_if<std::vector<std::string>>(&attribute.value);
    if (list == nullptr) continue;
    bytes += list->capacity() * sizeof(std::string);
    for (const std::string& text : *list) bytes += owned(text);
  }
  return bytes;
}

}  // namespace

std::size_t memory_of(const Span& span) {
  std::size_t bytes = sizeof(Span) + owned(span.name) + owned(span.trace_state) + owned(span.status_message) +
                      owned(span.attributes) + span.events.capacity() * sizeof(SpanEvent);
  for (const SpanEvent& event : span.events) bytes += owned(event.name) + owned(event.attributes);
  return bytes;
}

}  // namespace telegen
