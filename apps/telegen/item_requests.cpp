#include "item_requests.h"

#include <numeric>
#include <variant>

#include "export/otlp/metrics.h"
#include "version.h"

namespace telegen::app {

std::uint64_t items_of(std::span<const Metric> metrics) {
  return std::accumulate(metrics.begin(), metrics.end(), std::uint64_t{0}, [](std::uint64_t sum, const Metric& metric) {
    return sum + std::visit([](const auto& data) { return data.points.size(); }, metric.data);
  });
}

void send_metrics(Delivery& delivery, std::span<const Metric> metrics, const OtlpSettings& otlp, Time now) {
  delivery.pipeline(Signal::kMetrics).receive(items_of(metrics));
  pass_on(delivery, Signal::kMetrics, metrics, static_cast<std::size_t>(otlp.metrics.batch_size), now,
          [&](std::span<const Metric> some) {
            return otlp::encode_metrics_prefix(some, {.version = kVersion}, otlp.max_request_size.bytes);
          });
}

}  // namespace telegen::app
