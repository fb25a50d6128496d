// A pattern as users write it: a glob, which matches the whole text (discovery/glob.h), or `/regex/`, which matches
// anywhere in it unless it says `^` and `$`. Text that begins and ends with '/' and has something between is a regular
// expression; as a glob it is written `\/static/`.
// Regular expressions are RE2's: time is linear in the text, whatever the pattern
// (https://github.com/google/re2/wiki/Syntax). Text is bytes; what is no UTF-8 matches no character of a regex.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "discovery/glob.h"
#include "processing/key_problem.h"

namespace re2 {
class RE2;
}

namespace telegen {

// Shared by copies of a pattern: it is never changed once compiled.
using Regex = std::shared_ptr<const re2::RE2>;
// At most 4096 bytes and a mebibyte of program. No `^` or `$` is implied.
Result<Regex> compile_regex(std::string_view expression);
bool found_in(const Regex& regex, std::string_view text);

class TextPattern {
 public:
  static Result<TextPattern> compile(std::string_view pattern);
  bool matches(std::string_view text) const;

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
  std::vector<TextPattern> patterns_;
};

}  // namespace telegen
