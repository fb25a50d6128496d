#include "metrics/exponential_histogram.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace telegen {
namespace {

void coarsen_side(ExponentialBuckets& side, std::int32_t steps) {
  if (side.counts.empty()) return;
  const std::int32_t offset = side.offset >> steps;  // arithmetic: towards minus infinity
  for (std::size_t i = 0; i < side.counts.size(); ++i) {
    const auto at = static_cast<std::size_t>(((side.offset + static_cast<std::int32_t>(i)) >> steps) - offset);
    const std::uint64_t count = std::exchange(side.counts[i], 0);
    side.counts[at] += count;  // at <= i
  }
  const std::int32_t last = (side.offset + static_cast<std::int32_t>(side.counts.size()) - 1) >> steps;
  side.counts.resize(static_cast<std::size_t>(last - offset) + 1);
  side.offset = offset;
}

std::int32_t last_of(const ExponentialBuckets& side) {
  return side.offset + static_cast<std::int32_t>(side.counts.size()) - 1;
}

}  // namespace

std::int32_t exponential_bucket(double value, std::int32_t scale) {
  if (scale <= 0) {
    int exponent = 0;
    const double fraction = std::frexp(value, &exponent);  // value = fraction * 2^exponent, 0.5 <= fraction < 1
    // In (2^(exponent-1), 2^exponent], but for a power of two, which ends the bucket below.
    return (exponent - (fraction == 0.5 ? 2 : 1)) >> -scale;
  }
  const double position = std::ldexp(std::log2(value), scale);
  const double nearest = std::nearbyint(position);
  // The logarithm is off by less than this; elsewhere it decides alone.
  constexpr double kUncertain = 1e-5;
  if (std::fabs(position - nearest) > kUncertain) return static_cast<std::int32_t>(std::ceil(position)) - 1;
  const auto bound = static_cast<std::int32_t>(nearest);
  const bool above = static_cast<long double>(value) > std::exp2(std::ldexp(static_cast<long double>(bound), -scale));
  return above ? bound : bound - 1;
}

bool ExponentialHistogram::observe(double value) {
  if (!std::isfinite(value)) return false;
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = count_ == 0 ? value : std::max(max_, value);
  ++count_;
  sum_ += value;
  if (value == 0) {
    ++zero_count_;
    return true;
  }
  ExponentialBuckets& side = value > 0 ? positive_ : negative_;
  std::int32_t bucket = exponential_bucket(std::fabs(value), scale_);
  if (const std::int32_t steps = steps_to_fit(side, bucket, bucket); steps > 0) {
    coarsen(steps);
    bucket >>= steps;
  }
  add(side, bucket, 1);
  return true;
}

void ExponentialHistogram::merge(const ExponentialHistogram& other) {
  if (other.count_ == 0) return;
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  count_ += other.count_;
  zero_count_ += other.zero_count_;
  sum_ += other.sum_;
  if (scale_ > other.scale_) coarsen(scale_ - other.scale_);
  const auto merge_side = [&](ExponentialBuckets& side, const ExponentialBuckets& from) {
    if (from.counts.empty()) return;
    const std::int32_t finer = other.scale_ - scale_;
    coarsen(steps_to_fit(side, from.offset >> finer, last_of(from) >> finer));
    const std::int32_t shift = other.scale_ - scale_;
    for (std::size_t i = 0; i < from.counts.size(); ++i) {
      if (from.counts[i] != 0) add(side, (from.offset + static_cast<std::int32_t>(i)) >> shift, from.counts[i]);
    }
  };
  merge_side(positive_, other.positive_);
  merge_side(negative_, other.negative_);
}

void ExponentialHistogram::clear() { *this = ExponentialHistogram(max_buckets_); }

void ExponentialHistogram::read(ExponentialPoint& point) const {
  point.count = count_;
  point.zero_count = zero_count_;
  point.sum = sum_;
  point.min = count_ == 0 ? std::nullopt : std::optional(min_);
  point.max = count_ == 0 ? std::nullopt : std::optional(max_);
  point.scale = scale_;
  point.zero_threshold = 0;
  point.positive = positive_;
  point.negative = negative_;
}

void ExponentialHistogram::add(ExponentialBuckets& side, std::int32_t bucket, std::uint64_t count) {
  if (side.counts.empty()) {
    side.offset = bucket;
    side.counts.assign(1, count);
    return;
  }
  if (bucket < side.offset) {
    side.counts.insert(side.counts.begin(), static_cast<std::size_t>(side.offset - bucket), 0);
    side.offset = bucket;
  } else if (bucket > last_of(side)) {
    side.counts.resize(static_cast<std::size_t>(bucket - side.offset) + 1);
  }
  side.counts[static_cast<std::size_t>(bucket - side.offset)] += count;
}

void ExponentialHistogram::coarsen(std::int32_t steps) {
  if (steps == 0) return;
  coarsen_side(positive_, steps);
  coarsen_side(negative_, steps);
  scale_ -= steps;
}

std::int32_t ExponentialHistogram::steps_to_fit(const ExponentialBuckets& side, std::int32_t low,
                                                std::int32_t high) const {
  if (!side.counts.empty()) {
    low = std::min(low, side.offset);
    high = std::max(high, last_of(side));
  }
  std::int32_t steps = 0;
  while (scale_ - steps > kMinExponentialScale &&
         static_cast<std::int64_t>(high >> steps) - (low >> steps) >= static_cast<std::int64_t>(max_buckets_)) {
    ++steps;
  }
  return steps;
}

}  // namespace telegen
