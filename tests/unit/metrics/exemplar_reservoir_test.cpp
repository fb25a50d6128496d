// Which exemplars a series keeps, and that those of its points refer to measurements that are in the points.
#include "metrics/exemplar_reservoir.h"

#include <gtest/gtest.h>

#include <climits>
#include <cmath>
#include <map>
#include <vector>

#include "base/random.h"
#include "collected.h"
#include "metrics/application_metrics.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;
using testing::Clocks;
using testing::points_of;

TraceId trace(std::uint64_t number) {
  TraceId id;
  for (std::size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  id.bytes[15] = 1;
  return id;
}
SpanId span(std::uint64_t number) {
  SpanId id;
  for (std::size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return id;
}

TEST(ExemplarReservoir, KeepsOneABucketAndThoseOfTheHighestBuckets) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    ExemplarReservoir reservoir;
    std::map<std::int32_t, std::uint64_t> first;  // by bucket, the first that came
    for (std::uint64_t number = 1; number <= random.next() % 40; ++number) {
      const auto bucket = static_cast<std::int32_t>(random.next() % 12) - 6;
      const bool wanted = reservoir.wants(bucket);
      EXPECT_EQ(reservoir.keep({bucket, bucket * 1.5, {number}}, trace(number), span(number)), wanted);
      first.emplace(bucket, number);
    }
    const std::vector<Exemplar> list = reservoir.take();
    ASSERT_EQ(list.size(), std::min<std::size_t>(first.size(), ExemplarReservoir::kMost));
    auto expected = first.end();
    std::advance(expected, -static_cast<std::ptrdiff_t>(list.size()));
    for (const Exemplar& one : list) {
      EXPECT_EQ(one.value, NumberValue(expected->first * 1.5));
      // One that was displaced may come back later, with another measurement.
      EXPECT_GE(one.time.ns, expected->second);
      EXPECT_EQ(one.trace_id, trace(one.time.ns));
      EXPECT_EQ(one.span_id, span(one.time.ns));
      EXPECT_TRUE(one.filtered_attributes.empty());
      ++expected;
    }
    EXPECT_TRUE(reservoir.take().empty()) << "each is given once";
  }
}

TEST(ExemplarReservoir, BucketsThatBecameOneGiveOne) {
  ExemplarReservoir reservoir;
  for (const std::int32_t bucket : {4, 5, 6, -1}) reservoir.keep({bucket, 1.0 * bucket, {1}}, trace(1), span(1));
  const std::vector<Exemplar> list = reservoir.take(1);
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].value, NumberValue(-1.0));
  EXPECT_EQ(list[1].value, NumberValue(4.0));
  EXPECT_EQ(list[2].value, NumberValue(6.0));
}

struct Rig {
  explicit Rig(Temporality temporality, InstrumentKind kind = InstrumentKind::kHistogram, std::size_t max_buckets = 160)
      : metrics({.temporality = temporality, .max_idle = 1h}, 3, own),
        instrument(**metrics.add({.name = "h", .kind = kind, .bounds = {1, 2, 4}, .max_buckets = max_buckets})) {}
  ExemplarCandidate record(double value) {
    ExemplarCandidate candidate;
    EXPECT_TRUE(instrument.record(value, nullptr, {}, clocks.wall, &candidate));
    clocks.pass(1s);
    return candidate;
  }
  template <class Data>
  auto point() {
    clocks.pass(1s);
    return points_of<Data>(metrics.collect(clocks.steady, clocks.wall), "h").at(0);
  }
  Clocks clocks;
  MetricRegistry own;
  ApplicationMetrics metrics;
  Instrument& instrument;
};

TEST(Exemplars, AreOfWhatWasConfirmedSinceTheLastCollection) {
  for (const Temporality temporality : {Temporality::kCumulative, Temporality::kDelta}) {
    Rig rig(temporality);
    const ExemplarCandidate first = rig.record(0.5);
    const ExemplarCandidate second = rig.record(0.7);
    rig.record(3);
    ASSERT_TRUE(first.reservoir && second.reservoir);
    second.confirm(trace(2), span(2));
    first.confirm(trace(1), span(1));  // of the same bucket, and later
    EXPECT_FALSE(rig.record(0.6).reservoir) << "its bucket has one";
    const HistogramPoint point = rig.point<HistogramData>();
    ASSERT_EQ(point.exemplars.size(), 1U);
    EXPECT_EQ(point.exemplars[0].value, NumberValue(0.7));
    EXPECT_EQ(point.exemplars[0].trace_id, trace(2));
    EXPECT_EQ(point.exemplars[0].time.ns, testing::kEpoch + testing::kSecond);
    EXPECT_GE(point.exemplars[0].time, point.start);
    EXPECT_LE(point.exemplars[0].time, point.time);
    rig.record(5);
    EXPECT_TRUE(rig.point<HistogramData>().exemplars.empty());
  }
}

TEST(Exemplars, ThatAreConfirmedTooLateAreInNoDeltaPointButInACumulativeOne) {
  for (const Temporality temporality : {Temporality::kCumulative, Temporality::kDelta}) {
    Rig rig(temporality);
    const ExemplarCandidate early = rig.record(0.5);
    rig.point<HistogramData>();
    rig.record(8);
    early.confirm(trace(1), span(1));
    EXPECT_EQ(rig.point<HistogramData>().exemplars.size(), temporality == Temporality::kCumulative ? 1U : 0U);
  }
}

TEST(Exemplars, OfAnExponentialHistogramAreInDifferentBucketsWhateverTheScale) {
  for (const std::size_t max_buckets : {2U, 4U, 160U}) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
      Random random(seed);
      Rig rig(Temporality::kCumulative, InstrumentKind::kExponentialHistogram, max_buckets);
      for (std::uint64_t i = 1; i <= 50; ++i) {
        const double value = i % 10 == 0 ? 0 : std::ldexp(1.0, static_cast<int>(random.next() % 80) - 40) * 1.1;
        rig.record(value).confirm(trace(i), span(i));
      }
      const ExponentialPoint point = rig.point<ExponentialHistogramData>();
      EXPECT_EQ(point.count, 50U);
      EXPECT_FALSE(point.exemplars.empty());
      EXPECT_LE(point.exemplars.size(), ExemplarReservoir::kMost);
      std::map<std::int32_t, int> buckets;
      for (const Exemplar& one : point.exemplars) {
        const double value = std::get<double>(one.value);
        const std::int32_t bucket = value == 0 ? INT32_MIN : exponential_bucket(value, point.scale);
        EXPECT_EQ(++buckets[bucket], 1) << "seed " << seed << " scale " << point.scale;
      }
    }
  }
}

TEST(Exemplars, OutliveTheirSeriesWithoutHarm) {
  Rig rig(Temporality::kCumulative);
  const ExemplarCandidate candidate = rig.record(0.5);
  rig.point<HistogramData>();
  rig.clocks.pass(2h);
  EXPECT_TRUE(rig.point<HistogramData>().no_recorded_value);
  EXPECT_EQ(rig.metrics.series(), 0U);
  EXPECT_EQ(rig.metrics.bytes_held(), 0U) << "what exemplars took was given back";
  candidate.confirm(trace(1), span(1));
}

}  // namespace
}  // namespace telegen
