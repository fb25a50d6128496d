// What becomes of enriched spans before they are queued. The order is fixed: filter, head sampling, tail sampling,
// rate, transform, redaction and limits.
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
#include "processing/tail_sampler.h"
#include "processing/transform.h"

namespace telegen {

enum class ProcessingDrop : std::uint8_t {
  kFiltered,        // pipeline.filter.include and .exclude
  kHealthCheck,     // pipeline.filter.health_checks
  kSampledOut,      // otlp.traces.sampler, pipeline.sampling, and the scale
  kTailSampledOut,  // pipeline.tail_sampling
  kTailBufferFull,  // kept by none of its policies when it had to be decided early
  kRateLimited,     // pipeline.limits.spans_per_second and ._per_service
};
inline constexpr std::size_t kProcessingDrops = 6;
std::string_view to_text(ProcessingDrop cause);  // as the label `cause` of a metric

struct Processed {
  std::vector<Span> ready;
  std::array<std::uint64_t, kProcessingDrops> dropped{};
  Trimmed trimmed;                                            // what was done to those that are ready
  std::uint64_t traces_decided_early = 0;                     // as the buffer of tail sampling was full
  bool drop(ProcessingDrop cause, std::uint64_t spans = 1) {  // always false: "not kept"
    dropped.at(static_cast<std::size_t>(cause)) += spans;
    return false;
  }
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

  // Every span comes out once, from one of these: ready, or counted as dropped. Without tail sampling that is at once,
  // in the order in which they came; with it a trace comes out as a whole, when it is due.
  Processed process(std::vector<Span> spans, Time now);
  Processed tick(Time now);
  // Decides on everything that is held now: before a shutdown, or before another processor takes over.
  Processed release_all();

  std::size_t held() const { return tail_ ? tail_->held() : 0; }
  std::size_t held_bytes() const { return tail_ ? tail_->held_bytes() : 0; }
  // When tick() has something to do, if nothing else comes.
  std::optional<Time> next_due() const { return tail_ ? tail_->next_due() : std::nullopt; }

 private:
  struct Rules {  // stateless
    SpanFilter filter;
    HeadSampling sampling;
    Transforms transforms;
    SpanLimits limits;
  };
  SpanProcessor(Rules rules, RateLimiter rate, std::optional<TailSampler> tail, const SamplingScale& scale)
      : rules_(std::move(rules)), rate_(std::move(rate)), tail_(std::move(tail)), scale_(&scale) {}
  static Rules compile(const ProcessingSettings& settings, const DefaultSampler& sampler, AttributeKeys& keys,
                       KeyProblems& problems);

  bool passes(Span& span, double scale, Processed& out) const;
  bool finish(Span& span, Time now, Processed& out);
  Processed finish_all(TailSampler::Decided decided, Processed out);

  Rules rules_;
  RateLimiter rate_;
  std::optional<TailSampler> tail_;
  Time now_;  // the latest that was told
  const SamplingScale* scale_;
};

}  // namespace telegen
