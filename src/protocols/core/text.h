// Small pieces of text handling that protocols share. ASCII only: no locale.
#pragma once

#include <cstddef>
#include <string>

#include "base/bytes.h"

namespace telegen {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
constexpr bool is_hex(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }
constexpr int hex_value(char c) { return is_digit(c) ? c - '0' : lower(c) - 'a' + 10; }

// `lower_case` is written in lower case.
inline bool equals_ignoring_case(Bytes text, Bytes lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != lower_case[i]) return false;
  }
  return true;
}

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
inline Bytes trim(Bytes text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// At most `limit` bytes of `bytes` as valid UTF-8 (OTLP refuses other strings): bytes that are none and control
// characters become '?', and no character is cut in two.
std::string to_utf8(Bytes bytes, std::size_t limit);

}  // namespace telegen
