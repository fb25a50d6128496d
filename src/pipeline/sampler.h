// Head sampling: a pure function of the span, so that every agent and every run decides alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "model/span.h"

namespace telegen {

class Sampler {
 public:
  // The names of OTEL_TRACES_SAMPLER; nothing for one that is unknown. `ratio` matters to the traceidratio samplers.
  static std::optional<Sampler> make(std::string_view name, double ratio);

  // The ratio samplers compare the trace id's last 56 bits, which W3C Trace Context level 2 declares random, with a
  // threshold: kept at a ratio means kept at every higher one. The parentbased samplers follow the sampled flag of a
  // remote parent. A local parent is in the same trace as its root, about which the trace id says the same again; but
  // where the trace came in unsampled (the flag is clear) the whole of it stays out.
  bool keeps(const Span& span) const;

  // Removes what is not kept, sets the sampled flag on what is, keeps the order. Returns how many were removed.
  std::size_t apply(std::vector<Span>& spans) const;

 private:
  Sampler(bool parent_based, std::uint64_t threshold) : parent_based_(parent_based), threshold_(threshold) {}
  bool parent_based_;
  std::uint64_t threshold_;  // 56-bit values at or above it are kept
};

}  // namespace telegen
