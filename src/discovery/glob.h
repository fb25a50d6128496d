// Shell-like patterns for paths and command lines: `*` and `**` any text (with '/'), `?` one byte, `[a-z]`, `[!a-z]`
// one byte of a set, `\x` the byte x. Matches the whole text. Time is bounded by pattern × text, whatever the pattern.
#pragma once

#include <bitset>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace telegen {

class Glob {
 public:
  // Fails on an empty pattern, an unclosed '[' and a trailing '\'. At most 4096 bytes.
  static Result<Glob> compile(std::string_view pattern);
  bool matches(std::string_view text) const;
  const std::string& pattern() const { return pattern_; }

 private:
  struct Token {
    bool any_text = false;     // `*`
    std::bitset<256> allowed;  // else: one byte out of these
  };
  std::string pattern_;
  std::vector<Token> tokens_;
};

}  // namespace telegen
