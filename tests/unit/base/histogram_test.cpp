#include <gtest/gtest.h>

#include <limits>
#include <thread>
#include <vector>

#include "base/metrics.h"

namespace telegen {
namespace {

TEST(Histogram, CountsEachValueInItsRange) {
  Histogram histogram({0.5, 1});
  for (const double value : {-1.0, 0.5, 0.75, 1.0, 1.5, std::numeric_limits<double>::infinity()})
    histogram.observe(value);
  histogram.observe(std::numeric_limits<double>::quiet_NaN());
  const Histogram::Reading reading = histogram.read();
  EXPECT_EQ(std::vector(reading.bounds.begin(), reading.bounds.end()), (std::vector<double>{0.5, 1}));
  EXPECT_EQ(reading.counts, (std::vector<std::uint64_t>{2, 2, 2}));
  EXPECT_EQ(reading.count, 6U);
  EXPECT_EQ(reading.sum, std::numeric_limits<double>::infinity());
}

TEST(Histogram, LosesNoObservationOfManyThreads) {
  MetricRegistry registry;
  Histogram& histogram = registry.histogram("telegen_d_seconds", "d", {1, 2}, {{"k", "v"}});
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&histogram] {
        for (int i = 0; i < 10'000; ++i) histogram.observe(i % 3 + 0.5);
      });
    }
  }
  std::size_t visited = 0;
  registry.visit([&](const MetricSample& sample) {
    ++visited;
    ASSERT_NE(sample.histogram, nullptr);
    EXPECT_EQ(sample.kind, MetricKind::kHistogram);
    EXPECT_EQ(sample.name, "telegen_d_seconds");
    EXPECT_EQ(sample.value, 40'000);
    EXPECT_EQ(sample.histogram->counts, (std::vector<std::uint64_t>{13'336, 13'332, 13'332}));
    EXPECT_EQ(sample.histogram->sum, 4 * (3334 * 0.5 + 3333 * 1.5 + 3333 * 2.5));
  });
  EXPECT_EQ(visited, 1U);
}

}  // namespace
}  // namespace telegen
