#include "base/metrics.h"

namespace telegen {

Counter& MetricRegistry::counter(std::string name, std::string help, MetricLabels labels) {
  const std::scoped_lock lock(mutex_);
  Counter& counter = counters_.emplace_back();
  entries_.push_back({std::move(name), std::move(help), MetricKind::kCounter, std::move(labels),
                      [&counter] { return static_cast<double>(counter.value()); }});
  return counter;
}

Gauge& MetricRegistry::gauge(std::string name, std::string help, MetricLabels labels) {
  const std::scoped_lock lock(mutex_);
  Gauge& gauge = gauges_.emplace_back();
  entries_.push_back({std::move(name), std::move(help), MetricKind::kGauge, std::move(labels),
                      [&gauge] { return static_cast<double>(gauge.value()); }});
  return gauge;
}

void MetricRegistry::observe(std::string name, std::string help, MetricKind kind, MetricLabels labels,
                             std::function<double()> read) {
  const std::scoped_lock lock(mutex_);
  entries_.push_back({std::move(name), std::move(help), kind, std::move(labels), std::move(read)});
}

void MetricRegistry::visit(const std::function<void(const MetricSample&)>& visitor) const {
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : entries_) {
    visitor({entry.name, entry.help, entry.kind, &entry.labels, entry.read()});
  }
}

}  // namespace telegen
