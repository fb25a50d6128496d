// Classes of bytes, whatever the locale. Private to this room.
#pragma once

#include <cstddef>
#include <string_view>

namespace telegen {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
constexpr bool is_alphanumeric(char c) { return is_digit(c) || is_letter(c); }

// Where the bytes for which `belongs` holds end, from `at` on.
template <class Class>
std::size_t run_end(std::string_view text, std::size_t at, Class belongs) {
  while (at < text.size() && belongs(text[at])) ++at;
  return at;
}
// Where the bytes for which `belongs` holds begin, that end at `at`; at most `most` of them.
template <class Class>
std::size_t run_begin(std::string_view text, std::size_t at, std::size_t most, Class belongs) {
  while (at > 0 && most > 0 && belongs(text[at - 1])) --at, --most;
  return at;
}

}  // namespace telegen
