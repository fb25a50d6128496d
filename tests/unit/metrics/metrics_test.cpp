#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "metrics/exponential_histogram.h"
#include "metrics/own_metrics.h"

namespace telegen {
namespace {

double lower_bound_of(std::int32_t bucket, std::int32_t scale) { return std::exp2(std::ldexp(bucket, -scale)); }

// Positive, over all of what a double can be.
double any_positive(Random& random) {
  return std::ldexp(0.5 + 0.5 * static_cast<double>(random.next() >> 12) / 4503599627370496.0,
                    static_cast<int>(random.next() % 2098) - 1073);
}

TEST(ExponentialBucket, APowerOfTwoEndsItsBucketAtEveryScale) {
  for (std::int32_t scale = kMinExponentialScale; scale <= kMaxExponentialScale; ++scale) {
    for (int exponent = -1074; exponent <= 1023; ++exponent) {
      const std::int32_t expected = scale >= 0 ? exponent * (std::int32_t{1} << scale) - 1 : (exponent - 1) >> -scale;
      ASSERT_EQ(exponential_bucket(std::ldexp(1.0, exponent), scale), expected) << exponent << " at scale " << scale;
      if (exponent < -1021) continue;
      const double above = std::nextafter(std::ldexp(1.0, exponent), HUGE_VAL);
      const std::int32_t next = scale >= 0 ? expected + 1 : exponent >> -scale;
      ASSERT_EQ(exponential_bucket(above, scale), next) << "above 2^" << exponent << " at scale " << scale;
    }
  }
}

TEST(ExponentialBucket, IsWhatTheLogarithmSaysBetweenBounds) {
  Random random(21);
  for (int i = 0; i < 100'000; ++i) {
    const double value = any_positive(random);
    const auto scale = static_cast<std::int32_t>(random.next() % 32) + kMinExponentialScale;
    const long double position = std::ldexp(std::log2(static_cast<long double>(value)), scale);
    if (std::fabs(position - std::nearbyint(position)) < 1e-9L) continue;
    ASSERT_EQ(exponential_bucket(value, scale), static_cast<std::int32_t>(std::ceil(position)) - 1)
        << value << " at scale " << scale;
  }
}

// A bucket at a coarser scale is the one of two at the finer: that is what makes coarsening exact.
TEST(ExponentialBucket, HalvesWithEachScale) {
  Random random(22);
  for (int i = 0; i < 100'000; ++i) {
    const double value = any_positive(random);
    for (std::int32_t scale = kMinExponentialScale; scale < kMaxExponentialScale; ++scale) {
      ASSERT_EQ(exponential_bucket(value, scale), exponential_bucket(value, scale + 1) >> 1)
          << value << " at " << scale;
    }
  }
}

ExponentialPoint read(const ExponentialHistogram& histogram) {
  ExponentialPoint point;
  histogram.read(point);
  return point;
}

std::uint64_t total(const ExponentialBuckets& side) {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : side.counts) sum += count;
  return sum;
}

TEST(ExponentialHistogram, OneValueIsExactAndOthersGiveUpResolutionOnlyAsNeeded) {
  ExponentialHistogram histogram;
  EXPECT_TRUE(histogram.observe(4));
  ExponentialPoint point = read(histogram);
  EXPECT_EQ(point.scale, kMaxExponentialScale);
  EXPECT_EQ(point.positive.counts, std::vector<std::uint64_t>{1});
  EXPECT_EQ(point.positive.offset, 2 * (1 << 20) - 1);
  EXPECT_TRUE(histogram.observe(1));
  EXPECT_TRUE(histogram.observe(0));
  EXPECT_TRUE(histogram.observe(-8));
  for (const double refused : {std::nan(""), HUGE_VAL, -HUGE_VAL}) EXPECT_FALSE(histogram.observe(refused));
  point = read(histogram);
  EXPECT_EQ(point.count, 4U);
  EXPECT_EQ(point.zero_count, 1U);
  EXPECT_EQ(point.sum, -3);
  EXPECT_EQ(point.min, -8);
  EXPECT_EQ(point.max, 4);
  EXPECT_EQ(point.scale, 6) << "two doublings at scale 6 are 128 buckets, at scale 7 they would be 256";
  EXPECT_EQ(total(point.positive), 2U);
  EXPECT_EQ(point.negative.counts, std::vector<std::uint64_t>{1});
  histogram.clear();
  point = read(histogram);
  EXPECT_EQ(point.count, 0U);
  EXPECT_EQ(point.scale, kMaxExponentialScale);
  EXPECT_FALSE(point.min.has_value());
  EXPECT_TRUE(point.positive.counts.empty());
}

TEST(ExponentialHistogram, HoldsTheSmallestAndTheLargestDoubleTogether) {
  ExponentialHistogram histogram(2);
  for (const double value : {std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max()}) {
    EXPECT_TRUE(histogram.observe(value));
    EXPECT_TRUE(histogram.observe(-value));
  }
  const ExponentialPoint point = read(histogram);
  EXPECT_LE(point.positive.counts.size(), 2U);
  EXPECT_LE(point.negative.counts.size(), 2U);
  EXPECT_EQ(total(point.positive), 2U);
  EXPECT_EQ(total(point.negative), 2U);
}

// Values of any spread, in one aggregate or in parts that are merged: counts are exact, each quantile lies in the
// bucket of the value that it is, and both ways give the same.
TEST(ExponentialHistogram, MergesKeepCountsAndQuantilesOfAnyValues) {
  Random random(23);
  for (int round = 0; round < 200; ++round) {
    const double spread = static_cast<double>(random.next() % 60) / 2;
    ExponentialHistogram whole;
    ExponentialHistogram parts[3];
    std::vector<double> positive;
    std::uint64_t zeros = 0;
    std::uint64_t negatives = 0;
    double sum = 0;
    const std::uint64_t n = random.next() % 500;
    for (std::uint64_t i = 0; i < n; ++i) {
      const double unit = static_cast<double>(random.next() >> 11) / 9007199254740992.0;
      double value = std::exp2((unit - 0.5) * spread);
      if (random.next() % 10 == 0) value = 0;
      if (random.next() % 10 == 0) value = -value;
      zeros += value == 0 ? 1 : 0;
      negatives += value < 0 ? 1 : 0;
      if (value > 0) positive.push_back(value);
      sum += value;
      ASSERT_TRUE(whole.observe(value));
      ASSERT_TRUE(parts[random.next() % 3].observe(value));
    }
    parts[0].merge(parts[1]);
    parts[0].merge(parts[2]);
    const ExponentialPoint point = read(parts[0]);
    const ExponentialPoint expected = read(whole);
    ASSERT_EQ(point.count, n);
    ASSERT_EQ(point.zero_count, zeros);
    ASSERT_EQ(total(point.negative), negatives);
    ASSERT_EQ(total(point.positive), positive.size());
    ASSERT_NEAR(*point.sum, sum, 1e-9 * std::max(1.0, std::fabs(sum)) * static_cast<double>(n + 1));
    ASSERT_EQ(point.min, expected.min);
    ASSERT_EQ(point.max, expected.max);
    ASSERT_EQ(point.scale, expected.scale);
    ASSERT_EQ(point.positive.offset, expected.positive.offset);
    ASSERT_EQ(point.positive.counts, expected.positive.counts);
    ASSERT_EQ(point.negative.counts, expected.negative.counts);
    ASSERT_LE(point.positive.counts.size(), 160U);
    std::ranges::sort(positive);
    std::size_t seen = 0;
    for (std::size_t b = 0; b < point.positive.counts.size(); ++b) {
      const auto bucket = point.positive.offset + static_cast<std::int32_t>(b);
      for (std::uint64_t c = 0; c < point.positive.counts[b]; ++c, ++seen) {
        ASSERT_GT(positive[seen], lower_bound_of(bucket, point.scale) * (1 - 1e-9));
        ASSERT_LE(positive[seen], lower_bound_of(bucket + 1, point.scale) * (1 + 1e-9));
      }
    }
  }
}

TEST(OwnMetrics, EveryInstrumentIsThereWithItsName) {
  MetricRegistry registry;
  registry.counter("telegen_a_total", "A.", {{"cause", "x"}}).add(3);
  registry.gauge("telegen_b", "B.").set(-2);
  registry.counter("telegen_a_total", "A.", {{"cause", "y"}}).add(4);
  registry.observe("telegen_nan", "N.", MetricKind::kGauge, {}, [] { return std::nan(""); });
  registry.histogram("telegen_c_seconds", "C.", {0.5, 1}).observe(0.75);
  const auto resource = std::make_shared<const Resource>();
  const auto metrics = own_metrics(registry, {100}, {200}, resource);
  ASSERT_EQ(metrics.size(), 3U);
  EXPECT_EQ(metrics[0].name, "telegen_a_total");
  EXPECT_EQ(metrics[0].description, "A.");
  EXPECT_EQ(metrics[0].resource, resource);
  const auto& sum = std::get<SumData>(metrics[0].data);
  EXPECT_TRUE(sum.monotonic);
  EXPECT_EQ(sum.temporality, Temporality::kCumulative);
  ASSERT_EQ(sum.points.size(), 2U);
  EXPECT_EQ(sum.points[0].start.ns, 100U);
  EXPECT_EQ(sum.points[0].time.ns, 200U);
  EXPECT_EQ(sum.points[0].attributes->attributes[0].key, "cause");
  EXPECT_EQ(sum.points[0].attributes->attributes[0].value, Value(std::string("x")));
  EXPECT_EQ(sum.points[0].value, NumberValue(std::int64_t{3}));
  EXPECT_EQ(sum.points[1].attributes->attributes[0].value, Value(std::string("y")));
  EXPECT_EQ(sum.points[1].value, NumberValue(std::int64_t{4}));
  const auto& gauge = std::get<GaugeData>(metrics[1].data);
  ASSERT_EQ(gauge.points.size(), 1U);
  EXPECT_EQ(gauge.points[0].start.ns, 0U);
  EXPECT_EQ(gauge.points[0].value, NumberValue(-2.0));
  EXPECT_EQ(gauge.points[0].attributes, nullptr);
  const auto& histogram = std::get<HistogramData>(metrics[2].data);
  EXPECT_EQ(histogram.bounds, (std::vector<double>{0.5, 1}));
  ASSERT_EQ(histogram.points.size(), 1U);
  EXPECT_EQ(histogram.points[0].count, 1U);
  EXPECT_EQ(histogram.points[0].sum, 0.75);
  EXPECT_EQ(histogram.points[0].bucket_counts, (std::vector<std::uint64_t>{0, 1, 0}));
  EXPECT_EQ(histogram.points[0].start.ns, 100U);
}

TEST(OwnMetrics, AClockSetBackMakesNoIntervalThatEndsBeforeItBegins) {
  MetricRegistry registry;
  registry.counter("telegen_a_total", "A.");
  const auto metrics = own_metrics(registry, {1000}, {200}, nullptr);
  const auto& sum = std::get<SumData>(metrics.at(0).data);
  EXPECT_EQ(sum.points.at(0).start.ns, 1000U);
  EXPECT_EQ(sum.points.at(0).time.ns, 1000U);
}

}  // namespace
}  // namespace telegen
