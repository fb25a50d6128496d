// The one door into the pipeline: samples, then queues. What makes spans holds one of these and nothing else.
#pragma once

#include <utility>
#include <vector>

#include "pipeline/span_queue.h"
#include "processing/sampler.h"

namespace telegen {

// Thread safe. `queue` outlives it.
class SpanIntake {
 public:
  SpanIntake(Sampler sampler, SpanQueue& queue) : sampler_(sampler), queue_(queue) {}
  void push(std::vector<Span> spans, Time now) {
    const std::size_t sampled_out = sampler_.apply(spans);
    queue_.push(std::move(spans), now, sampled_out);
  }

 private:
  const Sampler sampler_;
  SpanQueue& queue_;
};

}  // namespace telegen
