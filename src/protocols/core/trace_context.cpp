#include "protocols/core/trace_context.h"

#include <algorithm>
#include <array>

#include "protocols/core/text.h"

namespace telegen {
namespace {

constexpr std::size_t kVersion00Length = 55;  // 2 + 1 + 32 + 1 + 16 + 1 + 2
constexpr std::size_t kMaxMembers = 32;
constexpr std::size_t kMaxStateBytes = 512;

bool is_lower_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

template <std::size_t N>
bool read_hex(Bytes text, std::array<std::uint8_t, N>& out) {
  for (std::size_t i = 0; i < N; ++i) {
    const char high = text[2 * i];
    const char low = text[2 * i + 1];
    if (!is_lower_hex(high) || !is_lower_hex(low)) return false;
    out[i] = static_cast<std::uint8_t>(hex_value(high) << 4 | hex_value(low));
  }
  return true;
}

bool is_key_char(char c) {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || c == '-' || c == '*' || c == '/' || c == '@';
}

// Section 3.3.1.3: key = ( lcalpha / DIGIT ) 0*255 ( keychar ); value = 1 to 256 printable characters but "," and "=",
// not ending in a space.
bool is_member(Bytes member) {
  const std::size_t equals = member.find('=');
  if (equals == Bytes::npos || equals == 0 || equals > 256) return false;
  const Bytes key = member.substr(0, equals);
  const Bytes value = member.substr(equals + 1);
  if (!is_key_char(key[0]) || key[0] == '_' || key[0] == '-' || key[0] == '*' || key[0] == '/' || key[0] == '@')
    return false;
  if (!std::all_of(key.begin(), key.end(), is_key_char)) return false;
  if (value.empty() || value.size() > 256 || value.back() == ' ') return false;
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f && c != ',' && c != '='; });
}

}  // namespace

TraceContext parse_traceparent(Bytes value) {
  if (value.size() < kVersion00Length || value[2] != '-' || value[35] != '-' || value[52] != '-') return {};
  std::array<std::uint8_t, 1> version;
  std::array<std::uint8_t, 1> flags;
  TraceContext context;
  if (!read_hex(value, version) || !read_hex(value.substr(3), context.trace_id.bytes) ||
      !read_hex(value.substr(36), context.span_id.bytes) || !read_hex(value.substr(53), flags)) {
    return {};
  }
  if (version[0] == 0xff || (version[0] == 0 && value.size() != kVersion00Length)) return {};
  if (value.size() > kVersion00Length && value[kVersion00Length] != '-') return {};
  if (!context.valid()) return {};
  context.flags = flags[0];
  return context;
}

std::string join_tracestate(std::span<const Bytes> values) {
  std::string joined;
  std::array<Bytes, kMaxMembers> keys;
  std::size_t members = 0;
  for (Bytes rest : values) {
    while (!rest.empty()) {
      const std::size_t comma = rest.find(',');
      const Bytes member = trim(rest.substr(0, comma));
      rest = comma == Bytes::npos ? Bytes() : rest.substr(comma + 1);
      if (member.empty()) continue;  // empty members are allowed
      if (members == kMaxMembers || !is_member(member)) return {};
      const Bytes key = member.substr(0, member.find('='));
      if (std::find(keys.begin(), keys.begin() + members, key) != keys.begin() + members) return {};
      keys[members++] = key;
      if (!joined.empty()) joined += ',';
      joined += member;
      if (joined.size() > kMaxStateBytes) return {};
    }
  }
  return joined;
}

}  // namespace telegen
