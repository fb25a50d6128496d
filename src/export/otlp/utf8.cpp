#include "export/otlp/utf8.h"

#include <cstdint>
#include <cstring>

namespace telegen::otlp {
namespace {

// The length of the prefix that is ASCII, eight bytes at a time: nearly all telemetry is.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    if ((word & 0x8080808080808080ULL) != 0) break;
  }
  while (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80) ++i;
  return i;
}

}  // namespace

std::size_t utf8_sequence(std::string_view text, std::size_t& skip) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  skip = 1;
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  unsigned char low = 0x80;  // bounds of the second byte (Unicode 15, table 3-7)
  unsigned char high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= text.size() || byte(i) < low || byte(i) > high) return 0;
    skip = i + 1;
    low = 0x80;
    high = 0xbf;
  }
  return length;
}

bool valid_utf8(std::string_view text) {
  while (true) {
    text.remove_prefix(ascii_prefix(text));
    if (text.empty()) return true;
    std::size_t skip = 0;
    const std::size_t length = utf8_sequence(text, skip);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 8);
  while (!text.empty()) {
    std::size_t take = ascii_prefix(text);
    out.append(text.substr(0, take));
    text.remove_prefix(take);
    if (text.empty()) break;
    std::size_t skip = 0;
    take = utf8_sequence(text, skip);
    if (take == 0) {
      out.append("\xef\xbf\xbd");
      take = skip;
    } else {
      out.append(text.substr(0, take));
    }
    text.remove_prefix(take);
  }
  return out;
}

}  // namespace telegen::otlp
