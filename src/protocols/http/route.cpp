#include "protocols/http/route.h"

#include <algorithm>

#include "protocols/core/text.h"

namespace telegen::http {
namespace {

constexpr std::size_t kMaxSegments = 8;
constexpr std::size_t kMinHash = 8;     // abbreviated git hashes have 7, but so do words such as "facade0"
constexpr std::size_t kManyDigits = 4;  // "v2", "oauth2", "sha256" are words, "order-12345" is a value
constexpr std::size_t kLongWithDigit = 16;
constexpr std::size_t kLong = 32;  // no resource name is this long

Bytes next_segment(Bytes& rest) {
  const std::size_t slash = rest.find('/');
  const Bytes segment = rest.substr(0, slash);
  rest = slash == Bytes::npos ? Bytes() : rest.substr(slash + 1);
  return segment;
}

bool is_uuid(Bytes s) {
  if (s.size() != 36) return false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? s[i] != '-' : !is_hex(s[i])) return false;
  }
  return true;
}

bool is_date(Bytes s) {
  if (s.size() < 10 || s[4] != '-' || s[7] != '-') return false;
  for (const std::size_t i : {0, 1, 2, 3, 5, 6, 8, 9}) {
    if (!is_digit(s[i])) return false;
  }
  return s.size() == 10 || lower(s[10]) == 't';
}

bool is_number(Bytes s) {
  if (s.front() == '-' || s.front() == '+') s.remove_prefix(1);
  return !s.empty() && is_digit(s.front()) &&
         std::all_of(s.begin(), s.end(), [](char c) { return is_digit(c) || c == '.' || c == ',' || c == ':'; });
}

// The placeholder for a segment, empty where the segment is a name.
Bytes placeholder(Bytes s) {
  if (s.empty()) return {};
  const auto digits = static_cast<std::size_t>(std::count_if(s.begin(), s.end(), is_digit));
  if (digits > 0) {
    if (is_number(s)) return "{id}";
    if (is_uuid(s)) return "{uuid}";
    if (is_date(s)) return "{date}";
    if (s.size() >= kMinHash && std::all_of(s.begin(), s.end(), is_hex)) return "{hash}";
  }
  const std::size_t at = s.find('@');
  if (at != Bytes::npos && at > 0) return s.find('.', at) != Bytes::npos ? "{email}" : "{value}";
  if (s.size() > 3 && s.substr(1).find("%40") != Bytes::npos) return "{email}";
  const auto is_word = [](char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == '~';
  };
  if (digits >= kManyDigits || (digits > 0 && s.size() >= kLongWithDigit) || s.size() >= kLong) return "{id}";
  if (!std::all_of(s.begin(), s.end(), is_word)) return "{value}";  // escapes, other scripts: somebody's data
  return {};
}

bool matches(Bytes pattern, Bytes path) {
  if (pattern.empty() || pattern.front() != '/' || path.empty() || path.front() != '/') return false;
  pattern.remove_prefix(1);
  path.remove_prefix(1);
  while (true) {
    const bool last_pattern = pattern.find('/') == Bytes::npos;
    const bool last_segment = path.find('/') == Bytes::npos;
    const Bytes want = next_segment(pattern);
    if (want == "*" && last_pattern) return !path.empty();
    const Bytes have = next_segment(path);
    const bool any = want == "*" || (want.size() >= 2 && want.front() == '{' && want.back() == '}');
    if (any ? have.empty() : want != have) return false;
    if (last_pattern || last_segment) return last_pattern && last_segment;
  }
}

}  // namespace

Route route_of(Bytes path, const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    if (matches(pattern, path)) return {pattern, false};
  }
  Route route{.pattern = {}, .guessed = true};
  if (path.empty() || path.front() != '/') return route;
  Bytes rest = path.substr(1);
  bool more = true;
  for (std::size_t i = 0; more; ++i) {
    route.pattern += '/';
    if (i == kMaxSegments) {
      route.pattern += '*';
      break;
    }
    more = rest.find('/') != Bytes::npos;
    const Bytes segment = next_segment(rest);
    const Bytes stand_in = placeholder(segment);
    route.pattern += stand_in.empty() ? segment : stand_in;
  }
  return route;
}

}  // namespace telegen::http
