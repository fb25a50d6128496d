#include "processing/latency_sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace telegen {

std::size_t LatencySketch::bucket_of(std::uint64_t ns) {
  if (ns < 1ULL << kFirstPower) return 0;
  const unsigned power = static_cast<unsigned>(std::bit_width(ns)) - 1;
  if (power > kLastPower) return kBuckets - 1;
  const std::size_t part = ns >> (power - 3) & (kPerDoubling - 1);
  return 1 + (power - kFirstPower) * kPerDoubling + part;
}

std::uint64_t LatencySketch::border_of(std::size_t bucket) {
  if (bucket == 0) return 1ULL << kFirstPower;
  const std::size_t power = kFirstPower + (bucket - 1) / kPerDoubling, part = (bucket - 1) % kPerDoubling;
  return (kPerDoubling + part + 1) << (power - 3);
}

void LatencySketch::add(Duration duration) {
  ++counts_[bucket_of(static_cast<std::uint64_t>(std::max(duration, Duration(0)).count()))];
  if (++count_ >= kHalvedAt) halve();
}

void LatencySketch::halve() {
  count_ = 0;
  for (std::uint16_t& count : counts_) count_ += count /= 2;
}

Duration LatencySketch::quantile(double q) const {
  if (count_ == 0) return {};
  const auto wanted = static_cast<std::uint32_t>(std::ceil(std::clamp(q, 0.0, 1.0) * count_));
  std::uint32_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[bucket];
    if (seen > 0 && seen >= wanted) return Duration(static_cast<std::int64_t>(border_of(bucket)));
  }
  return Duration(static_cast<std::int64_t>(border_of(kBuckets - 1)));
}

}  // namespace telegen
