// What the metrics of spans cost a span, of an HTTP server with the fifteen attributes that it has, in a series that
// exists. The aim is 150 ns.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "analytics/span_metrics.h"
#include "base/random.h"

namespace telegen {
namespace {

constexpr UnixTime kNow{1'700'000'000'000'000'000ULL};
constexpr std::size_t kBatch = 512;
constexpr std::size_t kCold = 16;   // batches, that do not fit the caches
constexpr std::size_t kCached = 1;  // as for whoever looks at a span after another one did
constexpr std::size_t kResources = 10;
constexpr std::size_t kRoutes = 100;
constexpr double kShareSampled = 0.1;

template <class Id>
Id any_id(Random& random) {
  Id id;
  for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(random.next());
  return id;
}

Span request(Random& random, const ResourcePtr& resource, std::size_t route) {
  const std::uint64_t took = 100'000 + random.next() % 30'000'000;
  const std::string item = std::to_string(random.next() % 1000);
  return {.trace_id = any_id<TraceId>(random),
          .span_id = any_id<SpanId>(random),
          .kind = SpanKind::kServer,
          .start = kNow,
          .end = {kNow.ns + took},
          .name = "GET /api/v1/products/" + std::to_string(route) + "/{id}",
          .attributes = {{"http.request.method", std::string("GET")},
                         {"url.path", "/api/v1/products/" + std::to_string(route) + "/" + item},
                         {"http.route", "/api/v1/products/" + std::to_string(route) + "/{id}"},
                         {"url.scheme", std::string("http")},
                         {"url.query", std::string("currency=EUR&page=2")},
                         {"server.address", std::string("shop.example.com")},
                         {"server.port", std::int64_t{8080}},
                         {"network.protocol.version", std::string("1.1")},
                         {"user_agent.original", std::string("Mozilla/5.0 (X11; Linux x86_64)")},
                         {"http.response.status_code", std::int64_t{200}},
                         {"http.request.body.size", std::int64_t{0}},
                         {"http.response.body.size", std::int64_t{5120}},
                         {"network.peer.address", std::string("10.1.2.3")},
                         {"network.peer.port", std::int64_t{40000}},
                         {"client.address", std::string("10.1.2.3")}},
          .resource = resource};
}

// Batches of requests to a hundred routes of ten services, in no order.
std::vector<std::vector<Span>> batches(std::size_t count) {
  Random random(1);
  std::vector<ResourcePtr> resources;
  for (std::size_t i = 0; i < kResources; ++i) {
    resources.push_back(std::make_shared<const Resource>(
        Resource{{{"service.name", "service-" + std::to_string(i)}, {"process.pid", static_cast<std::int64_t>(i)}}}));
  }
  std::vector<std::vector<Span>> all(count);
  for (auto& batch : all) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      batch.push_back(request(random, resources[random.next() % kResources], random.next() % kRoutes));
    }
  }
  return all;
}

// As the batcher does it. `sent`: the share of each batch that is confirmed.
void observe(benchmark::State& state, HistogramKind histograms, double sent, std::size_t count) {
  MetricRegistry own;
  const auto metrics = *SpanMetrics::make(histograms, {}, 1, own);
  const auto all = batches(count);
  const auto kept = static_cast<std::size_t>(sent * kBatch);
  const auto pass = [&](std::span<const Span> batch) {
    metrics->observe(batch, kNow);
    metrics->confirm(batch.first(kept));
    metrics->forget_candidates();
  };
  for (const auto& batch : all) pass(batch);
  std::size_t next = 0;
  while (state.KeepRunningBatch(kBatch)) pass(all[next++ % count]);  // an iteration is a span
  std::uint64_t counted = 0;
  for (const Metric& metric : metrics->collect({1}, {kNow.ns + 1})) {
    std::visit(
        [&](const auto& data) {
          using Data = std::decay_t<decltype(data)>;
          if constexpr (std::is_same_v<Data, HistogramData> || std::is_same_v<Data, ExponentialHistogramData>) {
            for (const auto& point : data.points) counted += point.count;
          }
        },
        metric.data);
  }
  if (counted != state.iterations() + count * kBatch) return state.SkipWithError("spans are missing");
}
BENCHMARK_CAPTURE(observe, all_sent, HistogramKind::kExplicit, 1.0, kCached);
BENCHMARK_CAPTURE(observe, all_sent_cold, HistogramKind::kExplicit, 1.0, kCold);
BENCHMARK_CAPTURE(observe, sampled, HistogramKind::kExplicit, kShareSampled, kCached);
BENCHMARK_CAPTURE(observe, none_sent, HistogramKind::kExplicit, 0.0, kCached);
BENCHMARK_CAPTURE(observe, exponential, HistogramKind::kExponential, 1.0, kCached);

}  // namespace
}  // namespace telegen
