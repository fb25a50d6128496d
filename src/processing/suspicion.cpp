#include "processing/suspicion.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace telegen {
namespace {

// GCC's and Clang's vector extension: SSE2 on x86-64, NEON on arm64.
constexpr std::size_t kBlock = 16;
using Block = std::uint8_t __attribute__((vector_size(kBlock)));

Block load(const char* at) {
  Block out;
  std::memcpy(&out, at, sizeof out);
  return out;
}
[[gnu::always_inline]] inline Block is(const Block& block, char c) {
  return reinterpret_cast<Block>(block == static_cast<std::uint8_t>(c));
}
bool any(const Block& block) {
  std::array<std::uint64_t, 2> halves;
  std::memcpy(halves.data(), &block, sizeof block);
  return (halves[0] | halves[1]) != 0;
}

struct Seen {
  Block assignment{}, token{}, email{};
};

// `next` is `block` one byte on. The pairs are the rarest of neighbouring bytes that the prefixes of tokens have, for
// eyJ; AKIA and ASIA; AIza; gh?_; github_pat_; glpat-; xox?-; sk_, rk_ and sk-; -----BEGIN; "Bearer " and "Basic ".
[[gnu::always_inline]] inline void look(Seen& seen, const Block& block, const Block& next) {
  seen.assignment |= is(block, '=') | is(block, ':');
  seen.email |= is(block, '@');
  Block token = is(block, 'y') & is(next, 'J');
  token |= (is(block, 'K') | is(block, 'S')) & is(next, 'I');
  token |= is(block, 'I') & is(next, 'z');
  token |= is(block, 'g') & is(next, 'h');
  token |= is(block, 'u') & is(next, 'b');
  token |= is(block, 'l') & is(next, 'p');
  token |= is(block, 'x') & is(next, 'o');
  token |= is(block, 'k') & (is(next, '_') | is(next, '-'));
  token |= is(block, '-') & is(next, '-');
  const Block lower = block | std::uint8_t{0x20};
  seen.token |= token | ((is(lower, 'r') | is(lower, 'c')) & is(next, ' '));
}

// The last step overlaps the one before it. Its last byte is looked at as `next` only, as it begins no pair; as a mark
// of its own it would stand before nothing, which is no value and no domain.
Suspicion suspect_long(std::string_view text) {
  Seen seen;
  if (text.size() == kBlock) {
    std::array<char, kBlock> next{};
    std::memcpy(next.data(), text.data() + 1, kBlock - 1);
    const char* const first = text.data();
    look(seen, load(first), load(next.data()));
  } else {
    const char* const last = text.data() + text.size() - kBlock - 1;
    for (const char* at = text.data(); at < last; at += kBlock) look(seen, load(at), load(at + 1));
    look(seen, load(last), load(last + 1));
  }
  return {any(seen.assignment), any(seen.token), any(seen.email)};
}

// Whether one of the eight bytes is `c` ("Bit Twiddling Hacks", determine if a word has a byte equal to n).
bool has(std::uint64_t word, char c) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  const std::uint64_t zero_there = word ^ (kOnes * static_cast<std::uint8_t>(c));
  return ((zero_there - kOnes) & ~zero_there & (kOnes << 7)) != 0;
}

template <class Word>
std::uint64_t word_at(const char* at) {
  Word out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

// Fewer than kBlock bytes: two words that overlap.
Suspicion suspect_short(std::string_view text) {
  const char* const start = text.data();
  std::uint64_t first = 0, last = 0;
  if (text.size() >= 8) {
    first = word_at<std::uint64_t>(start);
    last = word_at<std::uint64_t>(start + text.size() - 8);
  } else if (text.size() >= 4) {
    first = word_at<std::uint32_t>(start);
    last = word_at<std::uint32_t>(start + text.size() - 4);
  }
  const auto seen = [first, last](char c) { return has(first, c) || has(last, c); };
  return {seen('=') || seen(':'), false, seen('@')};
}

}  // namespace

Suspicion suspect(std::string_view text) {
  static_assert(kShortestToken == kBlock);
  return text.size() >= kBlock ? suspect_long(text) : suspect_short(text);
}

}  // namespace telegen
