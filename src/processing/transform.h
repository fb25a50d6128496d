// Changes of span attributes by the rules of `pipeline.transform`, one after the other: a later rule sees what an
// earlier one did. Keys stay unique.
#pragma once

#include <string_view>
#include <vector>

#include "model/span.h"
#include "processing/attribute_keys.h"
#include "processing/span_rule.h"

namespace telegen {

class Transforms {
 public:
  // Keys that rules give to spans are kept in `keys`.
  static Transforms compile(const std::vector<TransformSettings>& settings, AttributeKeys& keys, KeyProblems& problems);
  void apply(Span& span) const;

 private:
  enum class Action { kAdd, kRename, kDelete, kHash };
  struct Step {
    Action action = Action::kAdd;
    std::string_view key;              // add, rename: what is set or renamed
    std::vector<TextPattern> pattern;  // delete, hash: one, for the keys
    std::string_view to;               // rename
    std::string value;                 // add: this text, where `from` is empty
    std::string_view from;             // add: a copy of this attribute's value, of the span or its resource
    std::vector<SpanRule> when;        // one or none
  };
  static Step compile_step(const TransformSettings& settings, const std::string& key, AttributeKeys& keys,
                           KeyProblems& problems);
  static void apply_step(const Step& step, Span& span);

  std::vector<Step> steps_;
};

// SHA-256 (FIPS 180-4) as 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view text);

}  // namespace telegen
