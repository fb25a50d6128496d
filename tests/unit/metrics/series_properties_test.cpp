// What holds for any sequence of measurements, collections and steps of the wall clock.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <tuple>

#include "base/random.h"
#include "collected.h"
#include "metrics/application_metrics.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;
using testing::Clocks;
using testing::points_of;

constexpr std::string_view kRoutes[] = {"/a", "/b", "/c", "/d", "/e", "/f"};

// One registry of each temporality with the same instruments, fed with the same values.
struct Side {
  explicit Side(Temporality temporality, std::size_t max_series)
      : metrics({.temporality = temporality, .max_idle = 50s, .max_series = max_series, .max_points = 2}, 5, own),
        counter(**metrics.add({.name = "c", .numbers = NumberType::kInteger})),
        real(**metrics.add({.name = "r"})),
        histogram(**metrics.add({.name = "h", .kind = InstrumentKind::kHistogram, .bounds = {1, 4, 16}})),
        exponential(**metrics.add({.name = "e", .kind = InstrumentKind::kExponentialHistogram, .max_buckets = 8})),
        level(**metrics.add({.name = "l", .kind = InstrumentKind::kUpDownCounter, .numbers = NumberType::kInteger})) {}

  MetricRegistry own;
  ApplicationMetrics metrics;
  Instrument& counter;
  Instrument& real;
  Instrument& histogram;
  Instrument& exponential;
  Instrument& level;
};

// Multiples of 1/4 below 2^10: sums of them are exact in any order.
double any_value(Random& random) { return static_cast<double>(random.next() % 4096) / 4; }

void record(Side& side, double value, const ResourcePtr& resource, std::string_view route, UnixTime now) {
  const SeriesAttribute attributes[] = {{"http.request.method", "GET"}, {"http.route", route}};
  const auto whole = static_cast<std::int64_t>(value);
  ASSERT_TRUE(side.counter.record(whole, resource, attributes, now));
  ASSERT_TRUE(side.real.record(value, resource, attributes, now));
  ASSERT_TRUE(side.histogram.record(value, resource, attributes, now));
  ASSERT_TRUE(side.exponential.record(value, resource, attributes, now));
  ASSERT_TRUE(side.level.record(whole % 2 == 0 ? whole : -whole, resource, attributes, now));
}

void wander(Clocks& clocks, Random& random) {
  clocks.pass(std::chrono::milliseconds(random.next() % 20'000));
  switch (random.next() % 10) {
    case 0: clocks.wall.ns -= 3600 * testing::kSecond; break;
    case 1: clocks.wall.ns += 3600 * testing::kSecond; break;
    case 2: clocks.wall.ns -= random.next() % 1000; break;
    default: break;
  }
}

using SeriesName = std::tuple<std::string, std::string, std::string>;  // metric, service, attributes

template <class Visitor>
void visit_points(const std::vector<Metric>& metrics, const Visitor& visitor) {
  for (const Metric& metric : metrics) {
    const std::string service = std::get<std::string>(metric.resource->attributes[0].value);
    std::visit(
        [&](const auto& data) {
          for (const auto& point : data.points) {
            visitor(SeriesName{metric.name, service, testing::text_of(point.attributes)}, point);
          }
        },
        metric.data);
  }
}

// What a point says besides its times, as one list of numbers; those of points of a series can be added.
std::vector<double> figures(const NumberPoint& point) {
  return {std::visit([](auto value) { return static_cast<double>(value); }, point.value)};
}
std::vector<double> figures(const HistogramPoint& point) {
  std::vector<double> list = {static_cast<double>(point.count), *point.sum};
  list.insert(list.end(), point.bucket_counts.begin(), point.bucket_counts.end());
  return list;
}
std::vector<double> figures(const ExponentialPoint& point) {
  std::uint64_t in_buckets = point.zero_count;
  for (const std::uint64_t count : point.positive.counts) in_buckets += count;
  EXPECT_EQ(in_buckets, point.count);
  return {static_cast<double>(point.count), *point.sum, static_cast<double>(point.zero_count)};
}

void add_to(std::vector<double>& sum, const std::vector<double>& more) {
  sum.resize(more.size());
  for (std::size_t i = 0; i < more.size(); ++i) sum[i] += more[i];
}

TEST(SeriesProperties, TheSumOfDeltasIsTheCumulativeValueWhateverTheClockDoes) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    Clocks clocks;
    Side delta(Temporality::kDelta, 4);
    Side cumulative(Temporality::kCumulative, 4);
    const ResourcePtr services[] = {testing::service("a"), testing::service("b")};
    std::map<SeriesName, std::vector<double>> sums;
    for (int round = 0; round < 40; ++round) {
      for (std::uint64_t i = random.next() % 8; i > 0; --i) {
        const double value = any_value(random);
        const auto route = kRoutes[random.next() % std::size(kRoutes)];
        const ResourcePtr& resource = services[random.next() % 2];
        record(delta, value, resource, route, clocks.wall);
        record(cumulative, value, resource, route, clocks.wall);
      }
      wander(clocks, random);
      visit_points(delta.metrics.collect(clocks.steady, clocks.wall), [&](const SeriesName& name, const auto& point) {
        if (std::get<0>(name) != "l") add_to(sums[name], figures(point));
      });
      std::map<SeriesName, std::vector<double>> expected;
      visit_points(cumulative.metrics.collect(clocks.steady, clocks.wall),
                   [&](const SeriesName& name, const auto& point) {
                     if (point.no_recorded_value) {
                       sums.erase(name);  // both ended, and start anew
                     } else if (std::get<0>(name) != "l") {
                       expected[name] = figures(point);
                     }
                   });
      ASSERT_EQ(sums, expected) << "seed " << seed << " round " << round;
      ASSERT_EQ(delta.metrics.series(), cumulative.metrics.series());
    }
  }
}

TEST(SeriesProperties, IntervalsAreNeverEmptyNorGoBackAndThoseOfASeriesTouch) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    for (const Temporality temporality : {Temporality::kDelta, Temporality::kCumulative}) {
      Random random(seed);
      Clocks clocks;
      Side side(temporality, 5);
      const ResourcePtr services[] = {testing::service("a"), testing::service("b")};
      struct Seen {
        UnixTime start;
        UnixTime time;
        bool ended = false;
      };
      std::map<SeriesName, Seen> last;
      std::size_t ends = 0;
      for (int round = 0; round < 60; ++round) {
        for (std::uint64_t i = random.next() % 4; i > 0; --i) {
          record(side, any_value(random), services[random.next() % 2], kRoutes[random.next() % std::size(kRoutes)],
                 clocks.wall);
          wander(clocks, random);
        }
        const std::size_t before = side.metrics.series();
        visit_points(side.metrics.collect(clocks.steady, clocks.wall), [&](const SeriesName& name, const auto& point) {
          ASSERT_LT(point.start, point.time);
          ASSERT_GE(point.time, clocks.wall);
          const bool is_delta = temporality == Temporality::kDelta && std::get<0>(name) != "l";
          if (const auto known = last.find(name); known != last.end()) {
            const Seen& previous = known->second;
            if (previous.ended || (is_delta && point.start != previous.time)) {
              // It ended between (with delta temporality in silence), and starts after its last point.
              ASSERT_GE(point.start, previous.time);
              ++ends;
            } else if (!is_delta) {
              ASSERT_EQ(point.start, previous.start);
              ASSERT_GT(point.time, previous.time);
            }
          }
          last[name] = {point.start, point.time, point.no_recorded_value};
        });
        ASSERT_LE(side.metrics.series(), before);
      }
      if (temporality == Temporality::kDelta) {
        // Only what ended may leave a hole.
        ASSERT_LE(static_cast<double>(ends), testing::own_figure(side.own, "telegen_application_series_ended_total"));
      }
    }
  }
}

TEST(SeriesProperties, AnHourBackWithDeltaLosesNothingAndLeavesNoHole) {
  Clocks clocks;
  Side side(Temporality::kDelta, 100);
  const ResourcePtr shop = testing::service("shop");
  std::vector<NumberPoint> points;
  for (int round = 0; round < 400; ++round) {
    record(side, 1, shop, "/a", clocks.wall);
    clocks.pass(15s);
    if (round == 10) clocks.wall.ns -= 3600 * testing::kSecond;
    for (NumberPoint& point : points_of<SumData>(side.metrics.collect(clocks.steady, clocks.wall), "c")) {
      points.push_back(std::move(point));
    }
  }
  ASSERT_EQ(points.size(), 400U);
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(points[i].value, NumberValue(std::int64_t{1}));
    EXPECT_LT(points[i].start, points[i].time);
    EXPECT_EQ(points[i].start, i == 0 ? Clocks{}.wall : points[i - 1].time);
  }
  EXPECT_EQ(points[11].time.ns, points[10].time.ns + 1) << "set back: the time stands still, but for a nanosecond";
  EXPECT_EQ(points.back().time, clocks.wall) << "and is the clock's again when that has passed it";
}

TEST(SeriesProperties, AnHourForwardEndsNoSeries) {
  Clocks clocks;
  Side side(Temporality::kCumulative, 100);
  record(side, 1, testing::service("shop"), "/a", clocks.wall);
  side.metrics.collect(clocks.steady, clocks.wall);
  clocks.pass(1s);
  clocks.wall.ns += 3600 * testing::kSecond;
  const auto points = points_of<SumData>(side.metrics.collect(clocks.steady, clocks.wall), "c");
  ASSERT_EQ(points.size(), 1U);
  EXPECT_FALSE(points[0].no_recorded_value);
  EXPECT_EQ(side.metrics.series(), 5U);
}

}  // namespace
}  // namespace telegen
