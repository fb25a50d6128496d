// Which spans are left out by the configuration: health checks, and what `include` and `exclude` say. Pure.
#pragma once

#include <optional>
#include <vector>

#include "processing/span_rule.h"

namespace telegen {

// A request by which something asks whether a service lives: GET or HEAD of a known path, the gRPC health protocol
// (https://github.com/grpc/grpc/blob/master/doc/health-checking.md), or whatever a known prober asks for. One that
// failed (status error) is none: it is what an operator looks for.
class HealthChecks {
 public:
  static HealthChecks compile(const FilterSettings& settings, KeyProblems& problems);
  bool matches(const Span& span) const;

 private:
  TextPatterns paths_;
  TextPatterns user_agents_;
};

class SpanFilter {
 public:
  enum class Verdict { kPass, kHealthCheck, kFiltered };
  static SpanFilter compile(const FilterSettings& settings, KeyProblems& problems);
  // A span that any `exclude` rule matches is left out, even if an `include` rule does too.
  Verdict judge(const Span& span) const;

 private:
  std::optional<HealthChecks> health_checks_;  // nothing: they are kept
  std::vector<SpanRule> include_;
  std::vector<SpanRule> exclude_;
};

}  // namespace telegen
