// What bounds the memory of series, and that nothing is lost to it. This program counts its own heap.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <new>
#include <numeric>
#include <string>

#include "base/random.h"
#include "collected.h"
#include "export/otlp/metrics.h"
#include "metrics/application_metrics.h"

namespace {

std::atomic<std::size_t> heap_in_use{0};

void* counted_new(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) std::abort();
  heap_in_use += ::malloc_usable_size(block);
  return block;
}
void counted_delete(void* block) {
  if (block != nullptr) heap_in_use -= ::malloc_usable_size(block);
  std::free(block);
}

}  // namespace

// The analyzer takes what these free for used afterwards by themselves.
// NOLINTBEGIN(clang-analyzer-cplusplus.NewDelete)
void* operator new(std::size_t size) { return counted_new(size); }
void operator delete(void* block) noexcept { counted_delete(block); }
void operator delete(void* block, std::size_t) noexcept { counted_delete(block); }
// NOLINTEND(clang-analyzer-cplusplus.NewDelete)

namespace telegen {
namespace {

using namespace std::chrono_literals;
using testing::Clocks;
using testing::points_of;

std::int64_t integer(const NumberPoint& point) { return std::get<std::int64_t>(point.value); }

std::int64_t total(const std::vector<NumberPoint>& points) {
  return std::accumulate(points.begin(), points.end(), std::int64_t{0},
                         [](std::int64_t sum, const NumberPoint& point) { return sum + integer(point); });
}

bool record_route(Instrument& instrument, const ResourcePtr& resource, std::string_view route, UnixTime now) {
  const SeriesAttribute attributes[] = {
      {"http.request.method", "GET"}, {"http.response.status_code", std::int64_t{200}}, {"http.route", route}};
  return instrument.record(std::int64_t{1}, resource, attributes, now);
}

TEST(SeriesLimits, AMillionRoutesStayWithinTheBoundAndAreAllCounted) {
  MetricRegistry own;
  ApplicationMetrics metrics({.max_series = 2000}, 1, own);
  Instrument& counter = **metrics.add({.name = "c", .numbers = NumberType::kInteger});
  Instrument& histogram = **metrics.add({.name = "h", .kind = InstrumentKind::kHistogram, .bounds = {1, 2, 3}});
  Clocks clocks;
  const ResourcePtr shop = testing::service("shop");
  const std::size_t before = heap_in_use;
  for (int i = 0; i < 1'000'000; ++i) {
    const std::string route = "/products/" + std::to_string(i);
    record_route(counter, shop, route, clocks.wall);
    record_route(histogram, shop, route, clocks.wall);
  }
  EXPECT_EQ(metrics.series(), 4000U);
  EXPECT_LT(heap_in_use - before, 4U << 20) << "bytes for 4000 series";
  EXPECT_EQ(testing::own_figure(own, "telegen_application_values_overflowed_total"), 2 * (1'000'000 - 1999));
  EXPECT_EQ(testing::own_figure(own, "telegen_application_series"), 4000);
  EXPECT_EQ(testing::own_figure(own, "telegen_application_series_bytes"), static_cast<double>(metrics.bytes_held()));
  const auto collected = metrics.collect(clocks.steady, clocks.wall);
  EXPECT_EQ(collected.size(), 20U) << "parts of 200 points";
  for (const Metric& metric : collected) {
    std::visit([](const auto& data) { EXPECT_EQ(data.points.size(), 200U); }, metric.data);
    EXPECT_EQ(metric.resource, shop);
  }
  const auto points = points_of<SumData>(collected, "c");
  ASSERT_EQ(points.size(), 2000U);
  EXPECT_EQ(total(points), 1'000'000);
  std::uint64_t overflows = 0;
  for (const NumberPoint& point : points) {
    if (!testing::is_overflow(point.attributes)) continue;
    ++overflows;
    EXPECT_EQ(integer(point), 1'000'000 - 1999);
  }
  EXPECT_EQ(overflows, 1U);
  std::uint64_t observed = 0;
  for (const auto& point : points_of<HistogramData>(collected, "h")) observed += point.count;
  EXPECT_EQ(observed, 1'000'000U);
}

// Whatever the limits, and while series end and make room for others: what was recorded is what the deltas add up to.
TEST(SeriesLimits, OverflowNeverLosesACount) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Random random(seed);
    MetricRegistry own;
    const std::size_t limit = 1 + random.next() % 6;
    ApplicationMetrics metrics({.temporality = Temporality::kDelta,
                                .max_idle = 30s,
                                .max_series = limit,
                                .max_bytes = random.next() % 4 == 0 ? 2000U : 1U << 20,
                                .max_points = 1 + random.next() % 3},
                               seed, own);
    Instrument& counter = **metrics.add({.name = "c", .numbers = NumberType::kInteger});
    const ResourcePtr services[] = {testing::service("a"), testing::service("b"), testing::service("c")};
    std::map<ResourcePtr, std::int64_t> recorded;
    std::map<ResourcePtr, std::int64_t> seen;
    Clocks clocks;
    for (int round = 0; round < 50; ++round) {
      for (std::uint64_t i = random.next() % 20; i > 0; --i) {
        const ResourcePtr& resource = services[random.next() % 3];
        ASSERT_TRUE(record_route(counter, resource, std::to_string(random.next() % 12), clocks.wall));
        ++recorded[resource];
      }
      clocks.pass(10s);
      ASSERT_LE(metrics.series(), limit * 3);
      std::map<ResourcePtr, std::size_t> points;
      for (const Metric& metric : metrics.collect(clocks.steady, clocks.wall)) {
        const auto& part = std::get<SumData>(metric.data).points;
        seen[metric.resource] += total(part);
        points[metric.resource] += part.size();
      }
      for (const auto& [resource, count] : points) ASSERT_LE(count, limit);
      ASSERT_EQ(seen, recorded) << "seed " << seed << " round " << round;
    }
  }
}

TEST(SeriesLimits, OneResourceDoesNotUseUpTheRoomOfAnother) {
  MetricRegistry own;
  ApplicationMetrics metrics({.max_series = 3}, 1, own);
  Instrument& counter = **metrics.add({.name = "c", .numbers = NumberType::kInteger});
  const Clocks clocks;
  for (int i = 0; i < 100; ++i) record_route(counter, testing::service("loud"), std::to_string(i), clocks.wall);
  record_route(counter, testing::service("quiet"), "/", clocks.wall);
  const auto collected = metrics.collect(clocks.steady, clocks.wall);
  ASSERT_EQ(collected.size(), 2U);
  for (const Metric& metric : collected) {
    const bool loud = metric.resource->attributes[0].value == Value(std::string("loud"));
    const auto& points = std::get<SumData>(metric.data).points;
    EXPECT_EQ(points.size(), loud ? 3U : 1U);
    EXPECT_EQ(total(points), loud ? 100 : 1);
    EXPECT_EQ(std::ranges::count_if(points, [](const auto& p) { return testing::is_overflow(p.attributes); }),
              loud ? 1 : 0);
  }
}

TEST(SeriesLimits, BeyondTheBytesOnlyOverflowIsMade) {
  MetricRegistry own;
  ApplicationMetrics metrics({.max_bytes = 100'000}, 1, own);
  Instrument& counter = **metrics.add({.name = "c", .numbers = NumberType::kInteger});
  const Clocks clocks;
  for (int service = 0; service < 10; ++service) {
    const ResourcePtr resource = testing::service(std::to_string(service));
    for (int i = 0; i < 1000; ++i) record_route(counter, resource, std::to_string(i), clocks.wall);
  }
  EXPECT_LT(metrics.bytes_held(), 120'000U) << "one series more for each of ten resources";
  EXPECT_GT(metrics.bytes_held(), 100'000U);
  const auto points = points_of<SumData>(metrics.collect(clocks.steady, clocks.wall), "c");
  EXPECT_EQ(total(points), 10'000);
  EXPECT_EQ(std::ranges::count_if(points, [](const auto& p) { return testing::is_overflow(p.attributes); }), 10);
}

// The account against the heap: with the buckets and the encoded attributes of series, and after all have ended.
TEST(SeriesLimits, BytesHeldAreWhatTheHeapHolds) {
  for (const InstrumentKind kind :
       {InstrumentKind::kCounter, InstrumentKind::kHistogram, InstrumentKind::kExponentialHistogram}) {
    MetricRegistry own;
    ApplicationMetrics metrics({}, 1, own);
    Instrument& instrument = **metrics.add({.name = "m", .kind = kind, .bounds = {1, 2, 3, 4, 5, 6, 7, 8}});
    Clocks clocks;
    Random random(3);
    const ResourcePtr shop = testing::service("shop");
    std::vector<std::string> routes;
    routes.reserve(1500);
    for (int i = 0; i < 1500; ++i) routes.push_back("/a/route/of/some/length/" + std::to_string(i));
    const std::size_t before = heap_in_use;
    for (int round = 0; round < 3; ++round) {
      for (const std::string& route : routes) {
        const SeriesAttribute attributes[] = {{"http.request.method", "GET"}, {"http.route", route}};
        for (int i = 0; i < 10; ++i) {
          instrument.record(static_cast<double>(random.next() % 1000) / 10, shop, attributes, clocks.wall);
        }
      }
      const auto collected = metrics.collect(clocks.steady, clocks.wall);
      EXPECT_EQ(otlp::encode_metrics_prefix(collected, {}, otlp::kMaxRequestBytes).encoded, 8U);
    }
    const auto in_use = static_cast<double>(heap_in_use - before);
    EXPECT_GT(in_use, 1500 * 300);
    EXPECT_NEAR(static_cast<double>(metrics.bytes_held()) / in_use, 1, 0.2) << static_cast<int>(kind);
    clocks.pass(1h);
    metrics.collect(clocks.steady, clocks.wall);
    EXPECT_EQ(metrics.bytes_held(), 0U);
    EXPECT_EQ(metrics.series(), 0U);
    EXPECT_LT(heap_in_use - before, 4096U) << "what had been held is free again";
  }
}

// Each process that discovery looks at anew has a resource of its own address, whatever it says.
TEST(SeriesLimits, ResourcesWithTheSameAttributesTakeNoRoom) {
  MetricRegistry own;
  ApplicationMetrics metrics({}, 1, own);
  Instrument& counter = **metrics.add({.name = "c", .numbers = NumberType::kInteger});
  const Clocks clocks;
  record_route(counter, testing::service("shop"), "/", clocks.wall);
  const std::size_t one = metrics.bytes_held();
  for (int i = 1; i < 20'000; ++i) record_route(counter, testing::service("shop"), "/", clocks.wall);
  EXPECT_EQ(metrics.series(), 1U);
  EXPECT_EQ(metrics.bytes_held(), one);
  const std::size_t before = heap_in_use;
  const auto points = points_of<SumData>(metrics.collect(clocks.steady, clocks.wall), "c");
  EXPECT_LT(heap_in_use, before) << "they are forgotten with each collection";
  ASSERT_EQ(points.size(), 1U);
  EXPECT_EQ(integer(points[0]), 20'000);
}

TEST(SeriesLimits, WhatTheAgentShowsOfItGoesWithIt) {
  MetricRegistry own;
  const Clocks clocks;
  {
    ApplicationMetrics metrics({}, 1, own);
    record_route(**metrics.add({.name = "c"}), testing::service("a"), "/", clocks.wall);
    EXPECT_EQ(testing::own_figure(own, "telegen_application_series"), 1);
  }
  EXPECT_EQ(testing::own_figure(own, "telegen_application_series"), 0);
  EXPECT_EQ(testing::own_figure(own, "telegen_application_series_bytes"), 0);
}

}  // namespace
}  // namespace telegen
