// What holds for any spans, batches, collections and decisions about them.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "base/random.h"
#include "spans.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;
using testing::Clocks;
using testing::made;
using testing::numbered;
using testing::span_of;

// Requests of any route, method and kind; `counted`: whether the table has a row for it.
struct Made {
  Span span;
  bool counted = true;
};

Made any_span(Random& random, std::uint64_t number) {
  const auto below = [&](std::uint64_t n) { return random.next() % n; };
  static constexpr SpanKind kKinds[] = {SpanKind::kServer, SpanKind::kClient, SpanKind::kInternal, SpanKind::kProducer};
  const SpanKind kind = kKinds[below(4)];
  Attributes attributes = {{"url.path", std::string("/") + std::to_string(number)}};
  const bool is_database = below(4) == 0;
  const bool is_http = below(4) != 0;
  if (is_http) attributes.push_back({"http.request.method", std::string(below(2) == 0 ? "GET" : "POST")});
  if (is_database) attributes.push_back({"db.system.name", std::string("redis")});
  attributes.push_back({"http.route", "/r" + std::to_string(below(12))});
  attributes.push_back({"http.response.status_code", static_cast<std::int64_t>(below(2) == 0 ? 200 : 500)});
  // Multiples of 2^-10 s, the sums of which are exact.
  const auto took = Duration(static_cast<std::int64_t>(below(1 << 14)) * 1'000'000'000 / 1024);
  Span span = span_of(kind, std::move(attributes), took,
                      below(10) == 0 ? nullptr : testing::service("s" + std::to_string(below(3))));
  span.span_id = numbered<SpanId>(number);
  span.trace_id = numbered<TraceId>(number * 3);
  const bool counted =
      (kind == SpanKind::kServer && is_http) || (kind == SpanKind::kClient && (is_http || is_database));
  return {std::move(span), counted};
}

struct Figures {
  std::uint64_t count = 0;
  double sum = 0;
  std::map<std::string, std::uint64_t> by_metric;
};

template <class Visitor>
void each_point(const std::vector<Metric>& metrics, const Visitor& visitor) {
  for (const Metric& metric : metrics) {
    std::visit(
        [&](const auto& data) {
          using Data = std::decay_t<decltype(data)>;
          if constexpr (std::is_same_v<Data, HistogramData> || std::is_same_v<Data, ExponentialHistogramData>) {
            for (const auto& point : data.points) visitor(metric, point);
          }
        },
        metric.data);
  }
}

Figures figures_of(const std::vector<Metric>& metrics) {
  Figures all;
  each_point(metrics, [&](const Metric& metric, const auto& point) {
    if (point.no_recorded_value) return;
    all.count += point.count;
    all.sum += *point.sum;
    all.by_metric[metric.name] += point.count;
  });
  return all;
}

class EveryKind : public ::testing::TestWithParam<std::tuple<Temporality, HistogramKind, std::size_t>> {};
INSTANTIATE_TEST_SUITE_P(All, EveryKind,
                         ::testing::Combine(::testing::Values(Temporality::kCumulative, Temporality::kDelta),
                                            ::testing::Values(HistogramKind::kExplicit, HistogramKind::kExponential),
                                            ::testing::Values(std::size_t{3}, std::size_t{2000})));

TEST_P(EveryKind, EverySpanIsCountedOnceWhateverBecomesOfIt) {
  const auto [temporality, histograms, max_series] = GetParam();
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Random random(seed);
    Clocks clocks;
    MetricRegistry own;
    const auto metrics =
        made(own, {.temporality = temporality, .max_idle = 1h, .max_series = max_series, .max_points = 3}, histograms);
    std::uint64_t expected = 0;
    double sum = 0;
    Figures deltas;
    Figures last;
    std::uint64_t number = 0;
    for (int round = 0; round < 12; ++round) {
      std::vector<Span> batch;
      for (std::uint64_t i = random.next() % 60; i > 0; --i) {
        Made one = any_span(random, ++number);
        if (one.counted) ++expected;
        if (one.counted) sum += static_cast<double>(one.span.end.ns - one.span.start.ns) / 1e9;
        batch.push_back(std::move(one.span));
      }
      metrics->observe(batch, clocks.wall);
      // A sampler that keeps some, all or nothing.
      const std::uint64_t share = random.next() % 3;
      std::erase_if(batch, [&](const Span&) { return random.next() % 2 < share; });
      metrics->confirm(batch);
      if (random.next() % 2 == 0) metrics->forget_candidates();
      clocks.pass(7s);
      last = figures_of(metrics->collect(clocks.steady, clocks.wall));
      deltas.count += last.count;
      deltas.sum += last.sum;
    }
    const Figures& all = temporality == Temporality::kDelta ? deltas : last;
    ASSERT_EQ(all.count, expected) << "seed " << seed;
    ASSERT_NEAR(all.sum, sum, 1e-9 * static_cast<double>(expected + 1)) << "seed " << seed;
    if (max_series == 3) {
      ASSERT_GT(testing::own_figure(own, "telegen_application_values_overflowed_total"), 0)
          << "the limit was reached, and nothing is lost";
    }
  }
}

TEST_P(EveryKind, AnExemplarIsOfASpanThatWasSentAndInTheIntervalOfItsPoint) {
  const auto [temporality, histograms, max_series] = GetParam();
  std::size_t seen = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Random random(seed);
    Clocks clocks;
    MetricRegistry own;
    const auto metrics = made(own, {.temporality = temporality, .max_idle = 1h, .max_series = max_series}, histograms);
    std::map<std::uint64_t, Span> sent;
    std::vector<Span> held;  // as by tail sampling
    std::uint64_t number = 0;
    for (int round = 0; round < 12; ++round) {
      std::vector<Span> batch;
      for (std::uint64_t i = random.next() % 60; i > 0; --i) batch.push_back(any_span(random, ++number).span);
      metrics->observe(batch, clocks.wall);
      held.insert(held.end(), batch.begin(), batch.end());
      if (random.next() % 2 == 0) {
        std::erase_if(held, [&](const Span&) { return random.next() % 4 != 0; });
        metrics->confirm(held);
        for (const Span& span : held) {
          std::uint64_t id = 0;
          for (std::size_t b = 8; b > 0; --b) id = id << 8 | span.span_id.bytes[b - 1];
          sent.emplace(id, span);
        }
        held.clear();
        metrics->forget_candidates();
      }
      clocks.pass(7s);
      each_point(metrics->collect(clocks.steady, clocks.wall), [&](const Metric&, const auto& point) {
        ASSERT_LE(point.exemplars.size(), ExemplarReservoir::kMost);
        for (const Exemplar& exemplar : point.exemplars) {
          ++seen;
          std::uint64_t id = 0;
          for (std::size_t b = 8; b > 0; --b) id = id << 8 | exemplar.span_id.bytes[b - 1];
          const auto span = sent.find(id);
          ASSERT_NE(span, sent.end()) << "dangling";
          ASSERT_EQ(exemplar.trace_id, span->second.trace_id);
          ASSERT_EQ(std::get<double>(exemplar.value),
                    static_cast<double>(span->second.end.ns - span->second.start.ns) / 1e9);
          ASSERT_GE(exemplar.time, point.start);
          ASSERT_LE(exemplar.time, point.time);
          ASSERT_GE(std::get<double>(exemplar.value), *point.min);
          ASSERT_LE(std::get<double>(exemplar.value), *point.max);
        }
      });
    }
  }
  EXPECT_GT(seen, 100U);
}

TEST(SpanMetricsProperties, TheSumOfDeltasIsTheCumulativeCount) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    Clocks clocks;
    MetricRegistry own;
    const auto delta = made(own, {.temporality = Temporality::kDelta, .max_idle = 1h, .max_series = 5});
    const auto cumulative = made(own, {.temporality = Temporality::kCumulative, .max_idle = 1h, .max_series = 5});
    std::map<std::string, std::uint64_t> sums;
    std::uint64_t number = 0;
    for (int round = 0; round < 10; ++round) {
      std::vector<Span> batch;
      for (std::uint64_t i = random.next() % 40; i > 0; --i) batch.push_back(any_span(random, ++number).span);
      delta->observe(batch, clocks.wall);
      cumulative->observe(batch, clocks.wall);
      clocks.pass(3s);
      for (const auto& [name, count] : figures_of(delta->collect(clocks.steady, clocks.wall)).by_metric) {
        sums[name] += count;
      }
      ASSERT_EQ(sums, figures_of(cumulative->collect(clocks.steady, clocks.wall)).by_metric) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace telegen
