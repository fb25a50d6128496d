// A pattern as users write it: a glob, which matches the whole text (discovery/glob.h), or `/regex/`, which matches
// anywhere in it unless it says `^` and `$`. Text that begins and ends with '/' and has something between is a regular
// expression; as a glob it is written `\/static/`.
// Regular expressions are RE2's: time is linear in the text, whatever the pattern
// (https://github.com/google/re2/wiki/Syntax). Text is bytes; what is no UTF-8 matches no character of a regex.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "discovery/glob.h"
#include "processing/key_problem.h"
#include "processing/secrets.h"

namespace re2 {
class RE2;
}

namespace telegen {

// Shared by copies of a pattern: it is never changed once compiled.
using Regex = std::shared_ptr<const re2::RE2>;
// At most 4096 bytes and a mebibyte of program. No `^` or `$` is implied.
Result<Regex> compile_regex(std::string_view expression);
bool found_in(const Regex& regex, std::string_view text);
// Adds where it matches, from left to right without overlaps; matches of nothing are passed over.
void find_all(const Regex& regex, std::string_view text, TextRanges& found);

class TextPattern {
 public:
  static Result<TextPattern> compile(std::string_view pattern);
  bool matches(std::string_view text) const;
  std::string_view plain_start() const;  // how every text that it matches begins; may be empty

 private:
  struct Prefix {
    std::string text;
  };
  // Most patterns are plain text or plain text and one `*` at its end; those are compared, not interpreted.
  std::variant<std::string, Prefix, Glob, Regex> how_;
};

// Any of several. `key` is the list's own, for what is wrong with one of them.
class TextPatterns {
 public:
  static TextPatterns compile(const std::vector<std::string>& patterns, std::string_view key, KeyProblems& problems);
  bool any_matches(std::string_view text) const;

 private:
  bool may_match(std::string_view text) const;

  std::vector<TextPattern> patterns_;
  // The first `start_size_` bytes of the patterns, where all have that many (at most 4) of plain text: most texts begin
  // like none of them.
  std::size_t start_size_ = 0;
  std::vector<std::uint32_t> starts_;
};

}  // namespace telegen
