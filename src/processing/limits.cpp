#include "processing/limits.h"

#include <algorithm>

namespace telegen {
namespace {

constexpr std::size_t kLongestSecret = 512;  // of those that are not recognised by how they begin
constexpr std::size_t kWorthGivingBack = 1024;

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

Trimmed& Trimmed::operator+=(const Trimmed& other) {
  redacted += other.redacted;
  shortened += other.shortened;
  attributes += other.attributes;
  events += other.events;
  return *this;
}

bool shorten(std::string& text, std::size_t limit) {
  if (text.size() <= limit) return false;
  std::size_t end = limit;
  for (int i = 0; i < 3 && end > 0 && continues_character(text[end]); ++i) --end;
  if (continues_character(text[end])) end = limit;  // no UTF-8
  if (text.capacity() > 2 * end + kWorthGivingBack) {
    text = std::string(text, 0, end);
  } else {
    text.resize(end);
  }
  return true;
}

void SpanLimits::clean(std::string& text, std::size_t limit, Trimmed& trimmed) const {
  const bool cut = shorten(text, limit + kLongestSecret);
  if (redactor_.redact(text)) ++trimmed.redacted;
  if (cut) limit = std::min(limit, text.size() - std::min(text.size(), kLongestSecret));
  if (shorten(text, limit) || cut) ++trimmed.shortened;
}

void SpanLimits::clean_value(std::string& text) const {
  Trimmed unused;
  clean(text, static_cast<std::size_t>(limits_.value_length), unused);
}

void SpanLimits::clean(Attributes& attributes, Trimmed& trimmed) const {
  const auto limit = static_cast<std::size_t>(limits_.value_length);
  for (Attribute& attribute : attributes) {
    if (auto* text = std::get_if<std::string>(&attribute.value)) {
      clean(*text, limit, trimmed);
    } else if (auto* list = std::get_if<std::vector<std::string>>(&attribute.value)) {
      for (std::string& one : *list) clean(one, limit, trimmed);
    }
  }
}

Trimmed SpanLimits::apply(Span& span) const {
  Trimmed trimmed;
  if (const auto most = static_cast<std::size_t>(limits_.attributes_per_span); span.attributes.size() > most) {
    trimmed.attributes = span.attributes.size() - most;
    span.dropped_attributes_count += static_cast<std::uint32_t>(trimmed.attributes);
    span.attributes.resize(most);
  }
  if (const auto most = static_cast<std::size_t>(limits_.events_per_span); span.events.size() > most) {
    trimmed.events = span.events.size() - most;
    span.events.resize(most);
  }
  clean(span.attributes, trimmed);
  clean(span.name, static_cast<std::size_t>(limits_.name_length), trimmed);
  if (!span.status_message.empty()) clean(span.status_message, static_cast<std::size_t>(limits_.value_length), trimmed);
  for (SpanEvent& event : span.events) {
    clean(event.name, static_cast<std::size_t>(limits_.name_length), trimmed);
    clean(event.attributes, trimmed);
  }
  return trimmed;
}

}  // namespace telegen
