// Head sampling: a function of the span alone, so that every agent and every run decides alike. Consistent probability
// sampling as OpenTelemetry defines it
// (https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/): what is kept at a probability is
// kept at every higher one, and the threshold in the tracestate tells a receiver how many spans one stands for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "model/span.h"
#include "processing/trace_state.h"

namespace telegen {

// rv of the tracestate, else the trace id's last 56 bits, which W3C Trace Context level 2 declares random.
std::uint64_t randomness_of(const Span& span, const SamplingState& state);

// The threshold at which the share that `threshold` keeps is multiplied by `factor` (0 to 1).
std::uint64_t scaled_threshold(std::uint64_t threshold, double factor);

// Writes it into the tracestate. Of all (0) is written only where the tracestate says something else: it is what
// receivers assume. Nothing: how many spans this one stands for is not known.
void set_threshold(Span& span, const SamplingState& state, std::optional<std::uint64_t> threshold);

class Sampler {
 public:
  static Sampler always_on() { return {false, 0}; }
  // The names of OTEL_TRACES_SAMPLER; nothing for one that is unknown. `ratio` matters to the traceidratio samplers.
  static std::optional<Sampler> make(std::string_view name, double ratio);

  // The parentbased samplers follow the decision about a trace that came with a request (Span::trace_decided), for all
  // spans of it here, and keep its threshold. About a trace that began here the same randomness says the same of each
  // span. `scale` (0 to 1) multiplies the probability, whoever decided on it.
  // A span that is kept gets the sampled flag and the threshold.
  bool decide(Span& span, double scale = 1) const;
  bool keeps(const Span& span) const;

  // Removes what is not kept and keeps the order. Returns how many were removed.
  std::size_t apply(std::vector<Span>& spans) const;

 private:
  struct Verdict {
    bool keep = false;
    std::optional<std::uint64_t> threshold;  // nothing: unknown
  };
  Sampler(bool parent_based, std::uint64_t threshold) : parent_based_(parent_based), threshold_(threshold) {}
  Verdict judge(const Span& span, const SamplingState& state, double scale) const;

  bool parent_based_;
  std::uint64_t threshold_;
};

}  // namespace telegen
