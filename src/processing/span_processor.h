// What becomes of enriched spans before they are queued. The order is fixed: filter, head sampling, rate, transform,
// redaction and limits.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/span.h"
#include "processing/attribute_keys.h"
#include "processing/filter.h"
#include "processing/head_sampling.h"
#include "processing/limits.h"
#include "processing/rate_limiter.h"
#include "processing/settings.h"
#include "processing/transform.h"

namespace telegen {

enum class ProcessingDrop : std::uint8_t {
  kFiltered,     // pipeline.filter.include and .exclude
  kHealthCheck,  // pipeline.filter.health_checks
  kSampledOut,   // otlp.traces.sampler, pipeline.sampling, and the scale
  kRateLimited,  // pipeline.limits.spans_per_second and ._per_service
};
inline constexpr std::size_t kProcessingDrops = 4;
std::string_view to_text(ProcessingDrop cause);  // as the label `cause` of a metric

struct Processed {
  std::vector<Span> ready;
  std::array<std::uint64_t, kProcessingDrops> dropped{};
  Trimmed trimmed;  // what was done to those that are ready
  std::uint64_t dropped_by(ProcessingDrop cause) const { return dropped.at(static_cast<std::size_t>(cause)); }
  std::uint64_t dropped_in_all() const { return std::accumulate(dropped.begin(), dropped.end(), std::uint64_t{0}); }
};

// One thread. Nothing blocks, reads a clock or logs.
class SpanProcessor {
 public:
  // The error (kConfiguration) has a line for each key that is wrong. `keys` outlives every span that comes out, and
  // `scale` the processor.
  static Result<SpanProcessor> make(const ProcessingSettings& settings, const DefaultSampler& sampler,
                                    AttributeKeys& keys, const SamplingScale& scale);
  // What make() would complain of, key by key.
  static KeyProblems check(const ProcessingSettings& settings, const DefaultSampler& sampler);

  // Every span comes out ready or counted as dropped, in the order in which it came.
  Processed process(std::vector<Span> spans, Time now);

 private:
  struct Rules {  // stateless
    SpanFilter filter;
    HeadSampling sampling;
    Transforms transforms;
    SpanLimits limits;
  };
  SpanProcessor(Rules rules, RateLimiter rate, const SamplingScale& scale)
      : rules_(std::move(rules)), rate_(std::move(rate)), scale_(&scale) {}
  static Rules compile(const ProcessingSettings& settings, const DefaultSampler& sampler, AttributeKeys& keys,
                       KeyProblems& problems);

  std::optional<ProcessingDrop> leaves_out(Span& span, double scale, Time now);

  Rules rules_;
  RateLimiter rate_;
  const SamplingScale* scale_;
};

}  // namespace telegen
