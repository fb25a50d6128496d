// One thing that is wrong with a configuration: where, which key, and what to write instead.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace telegen::config {

struct Problem {
  std::string source;  // a file's path, "environment TELEGEN_…" or "option --…"
  int line = 0;        // 0: the source has no lines
  std::string path;    // "otlp.tls.ca_file"; empty: the document as a whole
  std::string what;    // "unknown key; nearest valid key 'endpoint'"
  bool operator==(const Problem&) const = default;
};

std::string to_text(
    const Problem& problem);  // "telegen.yaml:3: otlp.endpont: unknown key; nearest valid key 'endpoint'"

// Every problem on a line of its own; at most 100, the rest as a number. Kind: kConfiguration.
Error to_error(const std::vector<Problem>& problems);

// The candidate with the smallest edit distance (Damerau, adjacent transpositions), or "" where none is near enough
// to be meant: at most a third of the text's length, at least 1 and at most 3 edits.
std::string_view nearest(std::string_view text, const std::vector<std::string_view>& candidates);

}  // namespace telegen::config
