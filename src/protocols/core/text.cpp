#include "protocols/core/text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace telegen {
namespace {

bool is_plain(char c) { return c >= 0x20 && c < 0x7f; }

// Eight bytes at a time, for nearly all text is. A byte below 0x20 borrows into its top bit when 0x20 is taken away,
// one of 0x7f carries into it when 1 is added; what a borrow or a carry does to the bytes above can only raise a false
// alarm, which the search byte by byte then settles.
bool is_plain(Bytes bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  while (bytes.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    if (((word | (word - kOnes * 0x20) | (word + kOnes)) & kOnes * 0x80) != 0) break;
    bytes.remove_prefix(8);
  }
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return is_plain(c); });
}

// The length of the well-formed sequence at the start of `in` (RFC 3629, section 4), 0 if there is none.
std::size_t sequence_length(Bytes in) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(in[i]); };
  const std::uint8_t first = at(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  if (length == 0 || in.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && at(1) < 0xa0) return 0;   // overlong
  if (first == 0xed && at(1) >= 0xa0) return 0;  // surrogates
  if (first == 0xf0 && at(1) < 0x90) return 0;   // overlong
  if (first == 0xf4 && at(1) >= 0x90) return 0;  // beyond U+10FFFF
  return length;
}

}  // namespace

std::string to_utf8(Bytes bytes, std::size_t limit) {
  if (bytes.size() <= limit && is_plain(bytes)) return std::string(bytes);
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    const std::size_t taken = std::max<std::size_t>(length, 1);
    if (text.size() + taken > limit) break;
    if (length > 1 || is_plain(bytes[0])) {
      text.append(bytes.substr(0, taken));
    } else {
      text.push_back(bytes[0] == '\t' || bytes[0] == '\r' || bytes[0] == '\n' ? ' ' : '?');
    }
    bytes.remove_prefix(taken);
  }
  return text;
}

}  // namespace telegen
