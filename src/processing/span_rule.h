// A rule about spans, compiled from the configuration. All its conditions must hold. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/span.h"
#include "processing/settings.h"
#include "processing/text_pattern.h"

namespace telegen {

// "error", "404", "500-599", "unset,404": any of the span's statuses and ranges of HTTP status codes.
class StatusCondition {
 public:
  static Result<StatusCondition> parse(std::string_view text);
  bool holds(const Span& span) const;

 private:
  std::vector<SpanStatus> statuses_;
  std::vector<std::pair<std::int64_t, std::int64_t>> codes_;  // first and last
};

class SpanRule {
 public:
  // What is wrong is added to `problems` under `key`; the rule is then not to be used. Without a condition it matches
  // every span.
  static SpanRule compile(const RuleSettings& settings, const std::string& key, KeyProblems& problems);
  bool matches(const Span& span) const;

 private:
  bool fields_match(const Span& span) const;
  bool attributes_match(const Span& span) const;

  std::optional<TextPattern> name_, service_, path_, route_;
  std::optional<StatusCondition> status_;
  std::optional<SpanKind> kind_;
  std::vector<std::pair<std::string, TextPattern>> attributes_;
};

}  // namespace telegen
