#include "base/metrics.h"

#include <algorithm>
#include <cmath>

namespace telegen {

void Histogram::observe(double value) {
  if (std::isnan(value)) return;
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Reading Histogram::read() const {
  Reading reading{.bounds = bounds_};
  for (const auto& count : counts_) {
    reading.counts.push_back(count.load(std::memory_order_relaxed));
    reading.count += reading.counts.back();
  }
  reading.sum = sum_.load(std::memory_order_relaxed);
  return reading;
}

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

Histogram& MetricRegistry::histogram(std::string name, std::string help, std::vector<double> bounds,
                                     MetricLabels labels) {
  const std::scoped_lock lock(mutex_);
  if (const Entry* known = find(name, labels); known != nullptr && known->histogram != nullptr) {
    return *known->histogram;
  }
  Histogram& histogram = histograms_.emplace_back(std::move(bounds));
  entries_.push_back(
      {std::move(name), std::move(help), MetricKind::kHistogram, std::move(labels), {}, nullptr, nullptr, &histogram});
  return histogram;
}

void MetricRegistry::observe(std::string name, std::string help, MetricKind kind, MetricLabels labels,
                             std::function<double()> read) {
  const std::scoped_lock lock(mutex_);
  entries_.push_back({std::move(name), std::move(help), kind, std::move(labels), std::move(read)});
}

void MetricRegistry::visit(const std::function<void(const MetricSample&)>& visitor) const {
  const std::scoped_lock lock(mutex_);
  for (const Entry& entry : entries_) {
    if (entry.histogram != nullptr) {
      const Histogram::Reading reading = entry.histogram->read();
      visitor({entry.name, entry.help, entry.kind, &entry.labels, static_cast<double>(reading.count), &reading});
    } else {
      visitor({entry.name, entry.help, entry.kind, &entry.labels, entry.read()});
    }
  }
}

}  // namespace telegen
