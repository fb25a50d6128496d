// What a measurement costs on a series that exists, with the attributes of an HTTP server's request. The goal is 200
// ns. And what a collection costs a series.
#include "base/metrics.h"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "metrics/application_metrics.h"

namespace telegen {
namespace {

constexpr UnixTime kNow{1'700'000'000'000'000'000ULL};
constexpr std::size_t kResources = 10;
constexpr std::size_t kRoutes = 100;

ResourcePtr resource(std::size_t i) {
  auto made = std::make_shared<Resource>();
  made->attributes = {{"service.name", "service-" + std::to_string(i)}, {"process.pid", static_cast<std::int64_t>(i)}};
  return made;
}

// Requests to a thousand series of ten services, in no order.
class Load {
 public:
  Load() {
    for (std::size_t i = 0; i < kResources; ++i) resources_.push_back(resource(i));
    for (std::size_t i = 0; i < kRoutes; ++i) routes_.push_back("/api/v1/products/" + std::to_string(i) + "/{id}");
    for (auto& choice : choices_) choice = {random_.next() % kResources, random_.next() % kRoutes};
  }

  bool record(Instrument& instrument, double value) {
    const auto [which, route] = choices_[next_++ % choices_.size()];
    const SeriesAttribute attributes[] = {
        {"http.request.method", "GET"},      {"http.response.status_code", std::int64_t{200}},
        {"http.route", routes_[route]},      {"url.scheme", "http"},
        {"network.protocol.version", "1.1"},
    };
    return instrument.record(value, resources_[which], attributes, kNow);
  }

  void record_all(Instrument& instrument) {
    for (std::size_t i = 0; i < choices_.size(); ++i) record(instrument, 0.01);
  }

 private:
  Random random_{1};
  std::vector<ResourcePtr> resources_;
  std::vector<std::string> routes_;
  std::vector<std::pair<std::size_t, std::size_t>> choices_{1 << 14};
  std::size_t next_ = 0;
};

InstrumentDescription described(InstrumentKind kind) {
  return {.name = "http.server.request.duration",
          .unit = "s",
          .kind = kind,
          .bounds = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}};
}

void record_existing(benchmark::State& state, InstrumentKind kind) {
  MetricRegistry own;
  ApplicationMetrics metrics({}, 1, own);
  Instrument& instrument = **metrics.add(described(kind));
  Load load;
  load.record_all(instrument);
  if (metrics.series() != kResources * kRoutes) return state.SkipWithError("not every series is there");
  double value = 0.001;
  for (auto _ : state) {
    value = value > 2 ? 0.001 : value * 1.1;
    if (!load.record(instrument, value)) return state.SkipWithError("a value was refused");
  }
  if (metrics.series() != kResources * kRoutes) return state.SkipWithError("series were made on the way");
}
BENCHMARK_CAPTURE(record_existing, counter, InstrumentKind::kCounter);
BENCHMARK_CAPTURE(record_existing, histogram, InstrumentKind::kHistogram);
BENCHMARK_CAPTURE(record_existing, exponential, InstrumentKind::kExponentialHistogram);

// Nothing but overflow: what a scan of a million paths costs.
void record_overflow(benchmark::State& state) {
  MetricRegistry own;
  ApplicationMetrics metrics({.max_series = 2}, 1, own);
  Instrument& instrument = **metrics.add(described(InstrumentKind::kHistogram));
  Load load;
  load.record_all(instrument);
  for (auto _ : state) {
    if (!load.record(instrument, 0.1)) return state.SkipWithError("a value was refused");
  }
  if (metrics.series() != 2 * kResources) return state.SkipWithError("series were made on the way");
}
BENCHMARK(record_overflow);

void collect(benchmark::State& state) {
  MetricRegistry own;
  ApplicationMetrics metrics({}, 1, own);
  Instrument& instrument = **metrics.add(described(InstrumentKind::kHistogram));
  Load load;
  load.record_all(instrument);
  UnixTime now = kNow;
  for (auto _ : state) {
    now.ns += 1'000'000'000;
    const auto collected = metrics.collect({1}, now);
    if (collected.size() != kResources) return state.SkipWithError("metrics are missing");
  }
  state.counters["per_series"] =
      benchmark::Counter(static_cast<double>(kResources * kRoutes),
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(collect);

}  // namespace
}  // namespace telegen
