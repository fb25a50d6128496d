#include "metrics/own_metrics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

namespace telegen {
namespace {

AttributeSetPtr attributes_of(const MetricLabels* labels) {
  if (labels == nullptr || labels->empty()) return nullptr;
  OwnedAttributes list;
  for (const auto& [name, text] : *labels) list.push_back({name, text});
  return std::make_shared<const AttributeSet>(std::move(list));
}

Metric metric_of(const MetricSample& sample, const ResourcePtr& resource) {
  Metric metric{.name = std::string(sample.name), .description = std::string(sample.help), .resource = resource};
  switch (sample.kind) {
    case MetricKind::kCounter: metric.data = SumData{.temporality = Temporality::kCumulative, .monotonic = true}; break;
    case MetricKind::kGauge: metric.data = GaugeData{}; break;
    case MetricKind::kHistogram:
      metric.data = HistogramData{
          .temporality = Temporality::kCumulative,
          .bounds = {sample.histogram->bounds.begin(), sample.histogram->bounds.end()},
      };
      break;
  }
  return metric;
}

// Whole numbers are integers on the wire, which lose nothing when they grow.
NumberValue number_of(double value) {
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  if (std::trunc(value) == value && std::fabs(value) < kLimit) return static_cast<std::int64_t>(value);
  return value;
}

void add_point(Metric& metric, const MetricSample& sample, UnixTime start, UnixTime now) {
  Point point{.attributes = attributes_of(sample.labels), .start = start, .time = std::max(start, now)};
  if (auto* histogram = std::get_if<HistogramData>(&metric.data)) {
    if (sample.histogram == nullptr) return;  // another kind of the same name
    const Histogram::Reading& reading = *sample.histogram;
    histogram->points.push_back({std::move(point), reading.count, reading.sum, {}, {}, reading.counts});
  } else if (auto* sum = std::get_if<SumData>(&metric.data)) {
    if (std::isfinite(sample.value)) sum->points.push_back({std::move(point), number_of(sample.value)});
  } else if (auto* gauge = std::get_if<GaugeData>(&metric.data); gauge != nullptr && !std::isnan(sample.value)) {
    point.start = {};
    gauge->points.push_back({std::move(point), sample.value});
  }
}

bool has_points(const Metric& metric) {
  return std::visit([](const auto& data) { return !data.points.empty(); }, metric.data);
}

}  // namespace

std::vector<Metric> own_metrics(const MetricRegistry& registry, UnixTime start, UnixTime now,
                                const ResourcePtr& resource) {
  std::vector<Metric> metrics;
  std::map<std::string_view, std::size_t> places;
  registry.visit([&](const MetricSample& sample) {
    const auto [place, is_new] = places.emplace(sample.name, metrics.size());
    if (is_new) metrics.push_back(metric_of(sample, resource));
    add_point(metrics[place->second], sample, start, now);
  });
  std::erase_if(metrics, [](const Metric& metric) { return !has_points(metric); });
  return metrics;
}

}  // namespace telegen
