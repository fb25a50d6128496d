#include "metrics/application_metrics.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "collected.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;
using testing::Clocks;
using testing::kEpoch;
using testing::kSecond;
using testing::points_of;

constexpr SeriesAttribute kGet[] = {{"http.request.method", "GET"}, {"http.route", "/a"}};
constexpr SeriesAttribute kPost[] = {{"http.request.method", "POST"}, {"http.route", "/a"}};

InstrumentDescription described(InstrumentKind kind, NumberType numbers = NumberType::kInteger) {
  return {.name = "m", .description = "M.", .unit = "{request}", .kind = kind, .numbers = numbers, .bounds = {1, 10}};
}

class Metrics : public ::testing::TestWithParam<Temporality> {
 protected:
  static SeriesSettings settings() { return {.temporality = GetParam(), .max_idle = 60s}; }
  Instrument& add(InstrumentDescription description) { return **metrics_.add(std::move(description)); }
  std::vector<Metric> collect() { return metrics_.collect(clocks_.steady, clocks_.wall); }
  static bool delta() { return GetParam() == Temporality::kDelta; }

  MetricRegistry own_;
  Clocks clocks_;
  ApplicationMetrics metrics_{settings(), 1, own_};
  const ResourcePtr shop_ = testing::service("shop");
};

INSTANTIATE_TEST_SUITE_P(Both, Metrics, ::testing::Values(Temporality::kDelta, Temporality::kCumulative),
                         [](const auto& tested) {
                           return tested.param == Temporality::kDelta ? "Delta" : "Cumulative";
                         });

TEST_P(Metrics, ACounterHasASeriesForEachSetAndResource) {
  Instrument& counter = add(described(InstrumentKind::kCounter));
  EXPECT_TRUE(counter.record(std::int64_t{2}, shop_, kGet, clocks_.wall));
  clocks_.pass(1s);
  EXPECT_TRUE(counter.record(std::int64_t{3}, shop_, kGet, clocks_.wall));
  EXPECT_TRUE(counter.record(std::int64_t{5}, shop_, kPost, clocks_.wall));
  EXPECT_TRUE(counter.record(std::int64_t{7}, nullptr, {}, clocks_.wall));
  clocks_.pass(1s);
  const auto collected = collect();
  ASSERT_EQ(collected.size(), 2U) << "one for each resource";
  for (const Metric& metric : collected) {
    EXPECT_EQ(metric.name, "m");
    EXPECT_EQ(metric.description, "M.");
    EXPECT_EQ(metric.unit, "{request}");
    EXPECT_EQ(metric.process, 0U);
    const auto& sum = std::get<SumData>(metric.data);
    EXPECT_TRUE(sum.monotonic);
    EXPECT_EQ(sum.temporality, GetParam());
    EXPECT_EQ(sum.points.size(), metric.resource == nullptr ? 1U : 2U);
    for (const NumberPoint& point : sum.points) {
      const std::string name = testing::text_of(point.attributes);
      EXPECT_EQ(metric.resource, name.empty() ? nullptr : shop_);
      EXPECT_EQ(point.value, NumberValue(std::int64_t{name.empty() ? 7 : 5}));
      EXPECT_EQ(point.start.ns, kEpoch + (name == "GET /a" ? 0 : kSecond)) << "when it was first seen";
      EXPECT_EQ(point.time, clocks_.wall);
      EXPECT_FALSE(point.no_recorded_value);
      EXPECT_TRUE(point.exemplars.empty());
    }
  }
  for (const ResourcePtr& resource : {shop_, ResourcePtr()})
    counter.record(std::int64_t{1}, resource, {}, clocks_.wall);
  EXPECT_EQ(metrics_.series(), 4U) << "those of before are found again";
}

TEST_P(Metrics, IntervalsTouchAlsoWhereNothingCameForAWhile) {
  Instrument& counter = add(described(InstrumentKind::kCounter));
  counter.record(std::int64_t{2}, shop_, kGet, clocks_.wall);
  clocks_.pass(10s);
  const auto first = points_of<SumData>(collect(), "m");
  clocks_.pass(10s);
  const auto second = points_of<SumData>(collect(), "m");
  clocks_.pass(10s);
  counter.record(std::int64_t{3}, shop_, kGet, clocks_.wall);
  clocks_.pass(10s);
  const auto third = points_of<SumData>(collect(), "m");
  ASSERT_EQ(first.size(), 1U);
  ASSERT_EQ(third.size(), 1U);
  EXPECT_EQ(third[0].time.ns, kEpoch + 40 * kSecond);
  if (delta()) {
    EXPECT_TRUE(second.empty());
    EXPECT_EQ(third[0].start, first[0].time);
    EXPECT_EQ(third[0].value, NumberValue(std::int64_t{3}));
  } else {
    ASSERT_EQ(second.size(), 1U);
    EXPECT_EQ(second[0].value, NumberValue(std::int64_t{2}));
    EXPECT_EQ(third[0].start, first[0].start);
    EXPECT_EQ(third[0].value, NumberValue(std::int64_t{5}));
  }
}

TEST_P(Metrics, ASumThatGoesUpAndDownIsCumulativeAlways) {
  Instrument& active = add(described(InstrumentKind::kUpDownCounter));
  active.record(std::int64_t{5}, shop_, kGet, clocks_.wall);
  clocks_.pass(1s);
  collect();
  active.record(std::int64_t{-2}, shop_, kGet, clocks_.wall);
  clocks_.pass(1s);
  const auto collected = collect();
  const auto& sum = std::get<SumData>(collected.at(0).data);
  EXPECT_FALSE(sum.monotonic);
  EXPECT_EQ(sum.temporality, Temporality::kCumulative);
  EXPECT_EQ(sum.points.at(0).value, NumberValue(std::int64_t{3}));
  EXPECT_EQ(sum.points.at(0).start.ns, kEpoch);
}

TEST_P(Metrics, AGaugeKeepsTheLastValueAndHasNoStart) {
  Instrument& gauge = add(described(InstrumentKind::kGauge, NumberType::kReal));
  gauge.record(2.5, shop_, kGet, clocks_.wall);
  gauge.record(-1.5, shop_, kGet, clocks_.wall);
  for (int i = 0; i < 2; ++i) {
    clocks_.pass(1s);
    const auto points = points_of<GaugeData>(collect(), "m");
    ASSERT_EQ(points.size(), 1U);
    EXPECT_EQ(points[0].value, NumberValue(-1.5));
    EXPECT_EQ(points[0].start.ns, 0U);
    EXPECT_EQ(points[0].time, clocks_.wall);
  }
}

TEST_P(Metrics, AHistogramPutsABoundInTheBucketThatItEnds) {
  Instrument& histogram = add(described(InstrumentKind::kHistogram));
  for (const double value : {0.5, 1.0, 1.5, 10.0, 11.0}) histogram.record(value, shop_, kGet, clocks_.wall);
  histogram.record(std::int64_t{0}, shop_, kGet, clocks_.wall);
  clocks_.pass(1s);
  const auto collected = collect();
  const auto& data = std::get<HistogramData>(collected.at(0).data);
  EXPECT_EQ(data.bounds, (std::vector<double>{1, 10}));
  EXPECT_EQ(data.temporality, GetParam());
  const HistogramPoint& point = data.points.at(0);
  EXPECT_EQ(point.bucket_counts, (std::vector<std::uint64_t>{3, 2, 1}));
  EXPECT_EQ(point.count, 6U);
  EXPECT_EQ(point.sum, 24);
  EXPECT_EQ(point.min, 0);
  EXPECT_EQ(point.max, 11);
  histogram.record(3.0, shop_, kGet, clocks_.wall);
  clocks_.pass(1s);
  const auto next = points_of<HistogramData>(collect(), "m");
  EXPECT_EQ(next.at(0).count, delta() ? 1U : 7U);
  EXPECT_EQ(next.at(0).min, delta() ? 3 : 0);
  EXPECT_EQ(next.at(0).max, delta() ? 3 : 11);
}

TEST_P(Metrics, AnExponentialHistogramHasItsBucketsAndLimit) {
  InstrumentDescription description = described(InstrumentKind::kExponentialHistogram);
  description.max_buckets = 4;
  Instrument& histogram = add(description);
  for (const double value : {1.0, 2.0, 16.0, 0.0}) histogram.record(value, shop_, kGet, clocks_.wall);
  clocks_.pass(1s);
  const auto collected = collect();
  const auto& data = std::get<ExponentialHistogramData>(collected.at(0).data);
  EXPECT_EQ(data.temporality, GetParam());
  const ExponentialPoint& point = data.points.at(0);
  EXPECT_EQ(point.count, 4U);
  EXPECT_EQ(point.zero_count, 1U);
  EXPECT_EQ(point.sum, 19);
  EXPECT_EQ(point.scale, -1) << "1, 2 and 16 are in 5 buckets at scale 0, in 3 at scale -1";
  EXPECT_EQ(point.positive.offset, -1);
  EXPECT_EQ(point.positive.counts, (std::vector<std::uint64_t>{1, 1, 1}));
  EXPECT_EQ(point.start.ns, kEpoch);
}

TEST_P(Metrics, WhatNothingUpdatesEndsAndStartsAnewWhenItComesBack) {
  Instrument& counter = add(described(InstrumentKind::kCounter));
  Instrument& gauge = **metrics_.add({.name = "g", .kind = InstrumentKind::kGauge});
  counter.record(std::int64_t{2}, shop_, kGet, clocks_.wall);
  gauge.record(1.0, shop_, kGet, clocks_.wall);
  collect();
  clocks_.pass(59s);
  EXPECT_EQ(points_of<SumData>(collect(), "m").size(), delta() ? 0U : 1U);
  EXPECT_EQ(metrics_.series(), 2U);
  clocks_.pass(1s);
  const auto last = collect();
  const auto ended = points_of<SumData>(last, "m");
  ASSERT_EQ(ended.size(), delta() ? 0U : 1U);
  if (!delta()) {
    EXPECT_TRUE(ended[0].no_recorded_value);
    EXPECT_EQ(ended[0].time, clocks_.wall);
    EXPECT_EQ(ended[0].start.ns, kEpoch);
    EXPECT_EQ(testing::text_of(ended[0].attributes), "GET /a");
  }
  ASSERT_EQ(points_of<GaugeData>(last, "g").size(), 1U);
  EXPECT_TRUE(points_of<GaugeData>(last, "g")[0].no_recorded_value);
  EXPECT_EQ(metrics_.series(), 0U);
  EXPECT_EQ(metrics_.bytes_held(), 0U);
  EXPECT_EQ(testing::own_figure(own_, "telegen_application_series_ended_total"), 2);
  clocks_.pass(1s);
  EXPECT_TRUE(collect().empty()) << "the end is told once";
  counter.record(std::int64_t{3}, shop_, kGet, clocks_.wall);
  const UnixTime again = clocks_.wall;
  clocks_.pass(1s);
  const auto anew = points_of<SumData>(collect(), "m");
  ASSERT_EQ(anew.size(), 1U);
  EXPECT_EQ(anew[0].start, again);
  EXPECT_EQ(anew[0].value, NumberValue(std::int64_t{3}));
}

TEST_P(Metrics, AHistogramThatEndsHasNoValues) {
  Instrument& explicit_one = add(described(InstrumentKind::kHistogram));
  Instrument& exponential = **metrics_.add({.name = "e", .kind = InstrumentKind::kExponentialHistogram});
  explicit_one.record(2.0, shop_, kGet, clocks_.wall);
  exponential.record(2.0, shop_, kGet, clocks_.wall);
  collect();
  clocks_.pass(60s);
  const auto last = collect();
  if (delta()) {
    EXPECT_TRUE(last.empty());
    return;
  }
  const HistogramPoint point = points_of<HistogramData>(last, "m").at(0);
  EXPECT_TRUE(point.no_recorded_value);
  EXPECT_EQ(point.count, 0U);
  EXPECT_FALSE(point.sum || point.min || point.max);
  EXPECT_TRUE(point.bucket_counts.empty());
  const ExponentialPoint other = points_of<ExponentialHistogramData>(last, "e").at(0);
  EXPECT_TRUE(other.no_recorded_value);
  EXPECT_EQ(other.count, 0U);
  EXPECT_TRUE(other.positive.counts.empty());
}

TEST_P(Metrics, WhatDoesNotAddUpIsRefusedByCause) {
  Instrument& counter = add(described(InstrumentKind::kCounter));
  Instrument& histogram = **metrics_.add({.name = "h", .kind = InstrumentKind::kHistogram});
  Instrument& gauge = **metrics_.add({.name = "g", .kind = InstrumentKind::kGauge});
  EXPECT_FALSE(counter.record(std::int64_t{-1}, shop_, kGet, clocks_.wall));
  EXPECT_FALSE(counter.record(1.0, shop_, kGet, clocks_.wall));
  EXPECT_FALSE(histogram.record(-0.5, shop_, kGet, clocks_.wall));
  EXPECT_FALSE(histogram.record(HUGE_VAL, shop_, kGet, clocks_.wall));
  EXPECT_FALSE(gauge.record(std::nan(""), shop_, kGet, clocks_.wall));
  EXPECT_EQ(testing::own_figure(own_, "telegen_application_values_refused_total", "negative"), 2);
  EXPECT_EQ(testing::own_figure(own_, "telegen_application_values_refused_total", "not_finite"), 2);
  EXPECT_EQ(testing::own_figure(own_, "telegen_application_values_refused_total", "not_an_integer"), 1);
  EXPECT_EQ(metrics_.series(), 0U);
  EXPECT_TRUE(collect().empty());
}

TEST_P(Metrics, ASumOfIntegersStopsAtItsLimit) {
  Instrument& counter = add(described(InstrumentKind::kCounter));
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  counter.record(kMax - 1, shop_, kGet, clocks_.wall);
  counter.record(std::int64_t{5}, shop_, kGet, clocks_.wall);
  EXPECT_EQ(points_of<SumData>(collect(), "m").at(0).value, NumberValue(kMax));
}

TEST_P(Metrics, AResourceThatIsPublishedAgainIsTheSame) {
  Instrument& counter = add(described(InstrumentKind::kCounter));
  counter.record(std::int64_t{1}, testing::service("shop"), kGet, clocks_.wall);
  counter.record(std::int64_t{2}, testing::service("shop"), kGet, clocks_.wall);
  counter.record(std::int64_t{4}, testing::service("other"), kGet, clocks_.wall);
  clocks_.pass(1s);
  const auto collected = collect();
  ASSERT_EQ(collected.size(), 2U);
  for (const Metric& metric : collected) {
    const auto& points = std::get<SumData>(metric.data).points;
    ASSERT_EQ(points.size(), 1U);
    const bool shop = metric.resource->attributes[0].value == Value(std::string("shop"));
    EXPECT_EQ(points[0].value, NumberValue(std::int64_t{shop ? 3 : 4}));
  }
}

TEST(ApplicationMetrics, AnInstrumentThatIsNotOneIsAnError) {
  MetricRegistry own;
  ApplicationMetrics metrics({}, 1, own);
  ASSERT_TRUE(metrics.add({.name = "http.server.request.duration"}).has_value());
  const auto message_of = [&](InstrumentDescription description) {
    const auto added = metrics.add(std::move(description));
    return added ? "" : added.error().message;
  };
  EXPECT_EQ(message_of({.name = "HTTP.server.request.duration"}),
            "add metric 'HTTP.server.request.duration': the name is taken");
  for (const std::string& name : {std::string(), std::string("1a"), std::string("a b"), std::string(256, 'a')}) {
    EXPECT_EQ(message_of({.name = name}), "add metric '" + name + "': not a name for a metric");
  }
  EXPECT_EQ(message_of({.name = std::string(255, 'a')}), "");
  for (const std::vector<double>& bounds : {std::vector<double>{1, 1}, {2, 1}, {1, HUGE_VAL}, {std::nan("")}}) {
    EXPECT_EQ(message_of({.name = "b", .kind = InstrumentKind::kHistogram, .bounds = bounds}),
              "add metric 'b': the bounds of its buckets do not ascend");
  }
  EXPECT_EQ(message_of({.name = "b", .max_buckets = 1}), "add metric 'b': an exponential histogram needs two buckets");
  EXPECT_EQ(message_of({.name = "b", .max_buckets = 2}), "");
}

}  // namespace
}  // namespace telegen
