// Quantiles of durations in constant memory: counts in buckets whose width grows with the duration, eight to each
// doubling, so that a quantile is at most an eighth too large (the idea of DDSketch: Masson, Rim, Lee, "DDSketch: a
// fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019). One thread.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"

namespace telegen {

class LatencySketch {
 public:
  // Old durations weigh less: all counts are halved when there are kHalvedAt.
  static constexpr std::uint32_t kHalvedAt = 16'384;

  void add(Duration duration);
  // The smallest bucket border that at least the share `q` of the durations does not exceed; 0 where there are none.
  // What is below 1 µs counts as that, what is above 18 minutes as that.
  Duration quantile(double q) const;
  std::uint32_t count() const { return count_; }

 private:
  static constexpr unsigned kFirstPower = 10;  // 2^10 ns
  static constexpr unsigned kLastPower = 39;
  static constexpr std::size_t kPerDoubling = 8;
  static constexpr std::size_t kBuckets = 1 + (kLastPower - kFirstPower + 1) * kPerDoubling;
  static std::size_t bucket_of(std::uint64_t ns);
  static std::uint64_t border_of(std::size_t bucket);
  void halve();

  std::array<std::uint16_t, kBuckets> counts_{};
  std::uint32_t count_ = 0;
};

}  // namespace telegen
