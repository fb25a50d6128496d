#include "base/metrics.h"

#include <algorithm>

namespace telegen {

const MetricRegistry::Entry* MetricRegistry::find(std::string_view name, const MetricLabels& labels) const {
  const auto found =
      std::ranges::find_if(entries_, [&](const Entry& entry) { return entry.name == name && entry.labels == labels; });
  return found == entries_.end() ? nullptr : &*found;
}

Counter& MetricRegistry::counter(std::string name, std::string help, MetricLabels labels) {
  const std::scoped_lock lock(mutex_);
  if (const Entry* known = find(name, labels); known != nullptr && known->counter != nullptr) return *known->counter;
  Counter& counter = counters_.emplace_back();
  entries_.push_back({std::move(name), std::move(help), MetricKind::kCounter, std::move(labels),
                      [&counter] { return static_cast<double>(counter.value()); }, &counter});
  return counter;
}

Gauge& MetricRegistry::gauge(std::string name, std::string help, MetricLabels labels) {
  const std::scoped_lock lock(mutex_);
  if (const Entry* known = find(name, labels); known != nullptr && known->gauge != nullptr) return *known->gauge;
  Gauge& gauge = gauges_.emplace_back();
  entries_.push_back({std::move(name), std::move(help), MetricKind::kGauge, std::move(labels),
                      [&gauge] { return static_cast<double>(gauge.value()); }, nullptr, &gauge});
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
