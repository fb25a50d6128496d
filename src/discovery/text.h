// Small pure helpers on text that processes chose themselves: any byte may be in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telegen {

// What OTLP can carry: valid UTF-8 (RFC 3629), at most `limit` bytes, cut between characters. Each invalid byte becomes
// U+FFFD, each control character a space.
std::string to_clean_utf8(std::string_view text, std::size_t limit);

// "/a/b" → "b"; "/a/b/" → "b"; "/" → "".
std::string_view base_name(std::string_view path);
// "/a/b" → "/a"; "b" → "".
std::string_view directory_of(std::string_view path);
// "app.tar.gz" → "app.tar"; ".bashrc" stays.
std::string_view without_extension(std::string_view name);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
// "a,,b" → {"a", "", "b"}; "" → {}.
std::vector<std::string_view> split(std::string_view text, char separator);
// All of `text`, decimal, no sign; nullopt where it is anything else or does not fit.
std::optional<std::uint64_t> parse_decimal(std::string_view text);
bool all_of_class(std::string_view text, bool (*in_class)(char));
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

}  // namespace telegen
