#include "processing/span_fields.h"

#include <algorithm>

namespace telegen {
namespace {

template <class List>
const Value* find_in(const List& attributes, std::string_view key) {
  for (const auto& attribute : attributes) {
    if (attribute.key == key) return &attribute.value;
  }
  return nullptr;
}

std::string_view text_in(const Value* value) {
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

// RFC 3986, 3: what is between the authority and '?' or '#'.
std::string_view path_in_url(std::string_view url) {
  const std::size_t authority = url.find("://");
  if (authority == std::string_view::npos) return {};
  const std::size_t path = url.find_first_of("/?#", authority + 3);
  if (path == std::string_view::npos || url[path] != '/') return {};
  return url.substr(path, std::min(url.find_first_of("?#", path), url.size()) - path);
}

}  // namespace

const Value* find_value(const Attributes& attributes, std::string_view key) { return find_in(attributes, key); }
const Value* find_value(const OwnedAttributes& attributes, std::string_view key) { return find_in(attributes, key); }

std::string_view find_text(const Attributes& attributes, std::string_view key) {
  return text_in(find_in(attributes, key));
}

std::string_view service_of(const Span& span) {
  return span.resource == nullptr ? std::string_view() : text_in(find_in(span.resource->attributes, "service.name"));
}

std::string_view path_of(const Span& span) {
  const std::string_view path = find_text(span.attributes, "url.path");
  return path.empty() ? path_in_url(find_text(span.attributes, "url.full")) : path;
}

std::optional<std::int64_t> http_status_of(const Span& span) {
  const Value* value = find_in(span.attributes, "http.response.status_code");
  const auto* code = value == nullptr ? nullptr : std::get_if<std::int64_t>(value);
  return code == nullptr ? std::nullopt : std::optional(*code);
}

Duration duration_of(const Span& span) {
  constexpr auto kLongest = static_cast<std::uint64_t>(Duration::max().count());
  return Duration(
      static_cast<std::int64_t>(span.end > span.start ? std::min(span.end.ns - span.start.ns, kLongest) : 0));
}

}  // namespace telegen
