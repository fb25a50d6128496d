// Which sampler decides about a span: its service's, else the default.
#pragma once

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "processing/sampler.h"
#include "processing/settings.h"
#include "processing/text_pattern.h"

namespace telegen {

// What every probability is multiplied with, 0 to 1. Whoever guards the agent's load sets it, from any thread, while
// spans are processed; it outlives every processor, as a reload must not forget it.
class SamplingScale {
 public:
  void set(double scale) { value_.store(scale, std::memory_order_relaxed); }
  double get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_ = 1;
};

// The sampler of spans whose service has none of its own: otlp.traces.sampler and .sampler_arg.
struct DefaultSampler {
  std::string name = "parentbased_always_on";
  double ratio = 1;
};

class HeadSampling {
 public:
  static HeadSampling compile(const SamplingSettings& settings, const DefaultSampler& other, KeyProblems& problems);
  bool decide(Span& span, double scale) const;

 private:
  explicit HeadSampling(Sampler other) : other_(other) {}
  Sampler other_;
  std::vector<std::pair<TextPattern, Sampler>> services_;  // the first that matches decides
};

}  // namespace telegen
