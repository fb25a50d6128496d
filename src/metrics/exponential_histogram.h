// An exponential histogram of base 2, as OpenTelemetry's metrics data model defines it ("ExponentialHistogram"): bucket
// i holds values in (base^i, base^(i+1)], base = 2^(2^-scale). It begins with the finest scale and gives up one half of
// its resolution whenever its values span more buckets than it may have. One thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/metric.h"

namespace telegen {

inline constexpr std::int32_t kMaxExponentialScale = 20;
inline constexpr std::int32_t kMinExponentialScale = -11;  // two buckets a sign hold every double, subnormal ones too

// The bucket of a positive finite value, exact at the bounds as well. `scale` is within the limits above.
std::int32_t exponential_bucket(double value, std::int32_t scale);

class ExponentialHistogram {
 public:
  // At most `max_buckets` a sign, 2 or more.
  explicit ExponentialHistogram(std::size_t max_buckets = 160) : max_buckets_(max_buckets) {}

  // False, and nothing changed, if the value is not finite.
  bool observe(double value);
  // As if all that `other` observed had been observed here.
  void merge(const ExponentialHistogram& other);
  void clear();

  std::uint64_t count() const { return count_; }
  std::int32_t scale() const { return scale_; }
  // What the buckets take besides the object itself.
  std::size_t heap_bytes() const {
    return (positive_.counts.capacity() + negative_.counts.capacity()) * sizeof(std::uint64_t);
  }
  // Sets all of the point but its attributes, times, flags and exemplars. Counts, sum, minimum and maximum are exact.
  void read(ExponentialPoint& point) const;

 private:
  void add(ExponentialBuckets& side, std::int32_t bucket, std::uint64_t count);
  void coarsen(std::int32_t steps);
  // By how much the scale has to go down before `side` and these buckets fit together.
  std::int32_t steps_to_fit(const ExponentialBuckets& side, std::int32_t low, std::int32_t high) const;

  std::size_t max_buckets_;
  std::int32_t scale_ = kMaxExponentialScale;
  std::uint64_t count_ = 0;
  std::uint64_t zero_count_ = 0;
  double sum_ = 0;
  double min_ = 0;  // of count_ > 0
  double max_ = 0;
  ExponentialBuckets positive_;
  ExponentialBuckets negative_;
};

}  // namespace telegen
