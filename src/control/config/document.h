// A YAML document as a tree of values with line numbers, before anything is known of its meaning. yaml-cpp reads it
// event by event, so duplicate keys, alias bombs and deep nesting are seen before they cost anything.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/problem.h"

namespace telegen::config {

struct Entry;

struct Node {
  enum class Kind { kNull, kScalar, kSequence, kMapping };
  Kind kind = Kind::kNull;
  int line = 0;                // 1 is the first; 0: there are no lines (environment, command line)
  std::string text;            // scalars
  std::vector<Node> children;  // sequences
  std::vector<Entry> entries;  // mappings, in the order of the file, without duplicates
  bool from_text = false;      // one text from the environment or an option: lists are split at commas
};

struct Entry {
  std::string key;
  int line = 0;
  Node value;
};

struct DocumentLimits {
  std::size_t bytes = 1U << 20;
  std::size_t nodes = 50'000;  // aliases count for what they stand for
  std::size_t depth = 32;
};

// Adds what is wrong to `problems` (source, line, key path). A duplicate or impossible key is left out of the tree, so
// the rest can still be checked in the same run; text that is no YAML, or that breaks a limit, gives an empty tree.
Node parse_document(std::string_view yaml, std::string_view source, std::vector<Problem>& problems,
                    const DocumentLimits& limits = {});

}  // namespace telegen::config
