#include "discovery/glob.h"

namespace telegen {
namespace {

constexpr std::size_t kMaxPattern = 4096;

std::size_t byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

// The set after '[' at `at`; moves `at` behind its ']'. A ']' that comes first is a member (glob(7)).
Result<std::bitset<256>> parse_set(std::string_view pattern, std::size_t& at) {
  std::bitset<256> set;
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false, ++i) {
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      if (byte_at(pattern, i) > byte_at(pattern, i + 2)) {
        return fail("range '" + std::string(pattern.substr(i, 3)) + "' is empty");
      }
      for (std::size_t c = byte_at(pattern, i); c <= byte_at(pattern, i + 2); ++c) set.set(c);
      i += 2;
    } else {
      set.set(byte_at(pattern, i));
    }
  }
  if (i >= pattern.size()) return fail("'[' is not closed by ']'");
  at = i + 1;
  return negated ? ~set : set;
}

}  // namespace

Result<Glob> Glob::compile(std::string_view pattern) {
  if (pattern.empty()) return fail("the pattern is empty");
  if (pattern.size() > kMaxPattern) return fail("the pattern is longer than 4096 bytes");
  Glob glob;
  glob.pattern_ = pattern;
  for (std::size_t i = 0; i < pattern.size();) {
    Token token;
    if (pattern[i] == '*') {
      token.any_text = true;
      while (i < pattern.size() && pattern[i] == '*') ++i;
    } else if (pattern[i] == '?') {
      token.allowed.set();
      ++i;
    } else if (pattern[i] == '[') {
      const auto set = parse_set(pattern, i);
      if (!set) return std::unexpected(set.error());
      token.allowed = *set;
    } else {
      if (pattern[i] == '\\' && ++i == pattern.size()) return fail("'\\' at the end escapes nothing");
      token.allowed.set(byte_at(pattern, i));
      ++i;
    }
    glob.tokens_.push_back(token);
  }
  return glob;
}

// Only the last `*` needs to be tried again, as what an earlier one took can always be given to the last.
bool Glob::matches(std::string_view text) const {
  std::size_t t = 0, k = 0;
  std::size_t retry_token = tokens_.size(), retry_text = 0;
  while (t < text.size()) {
    if (k < tokens_.size() && tokens_[k].any_text) {
      retry_token = k++;
      retry_text = t;
    } else if (k < tokens_.size() && tokens_[k].allowed.test(byte_at(text, t))) {
      ++k;
      ++t;
    } else if (retry_token < tokens_.size()) {
      k = retry_token + 1;
      t = ++retry_text;
    } else {
      return false;
    }
  }
  while (k < tokens_.size() && tokens_[k].any_text) ++k;
  return k == tokens_.size();
}

}  // namespace telegen
