// What the agent counts about itself. A room is handed the registry, registers its instruments once and keeps the
// references; adding to one is a relaxed atomic operation and safe from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telegen {

class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t v) { value_.store(v, std::memory_order_relaxed); }
  void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// How many observations fell into each range, and their sum.
class Histogram {
 public:
  // What one reading saw. Taken while others observe, so `sum` may be an observation ahead of the counts or behind.
  struct Reading {
    std::span<const double> bounds;
    std::vector<std::uint64_t> counts;  // one more than bounds: counts[i] of values in (bounds[i-1], bounds[i]]
    std::uint64_t count = 0;            // of all of them
    double sum = 0;
  };

  // `bounds` ascend and are finite.
  explicit Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

  // NaN belongs to no range and is left out.
  void observe(double value);
  Reading read() const;

 private:
  std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

enum class MetricKind { kCounter, kGauge, kHistogram };

// One reading of one instrument, as /metrics and /status show it.
struct MetricSample {
  std::string_view name;  // Prometheus form: telegen_spans_exported_total
  std::string_view help;
  MetricKind kind;
  const MetricLabels* labels;
  double value;                                   // of a histogram: its number of observations
  const Histogram::Reading* histogram = nullptr;  // of a histogram only
};

// Thread safe. References it returns stay valid as long as the registry.
class MetricRegistry {
 public:
  // The same one for the same name and labels: what is made anew while the agent runs goes on counting.
  Counter& counter(std::string name, std::string help, MetricLabels labels = {});
  Gauge& gauge(std::string name, std::string help, MetricLabels labels = {});
  Histogram& histogram(std::string name, std::string help, std::vector<double> bounds, MetricLabels labels = {});
  // A figure that exists elsewhere (a kernel counter, a queue's size): read when somebody asks, from that thread.
  void observe(std::string name, std::string help, MetricKind kind, MetricLabels labels, std::function<double()> read);
  void visit(const std::function<void(const MetricSample&)>& visitor) const;

 private:
  struct Entry {
    std::string name;
    std::string help;
    MetricKind kind;
    MetricLabels labels;
    std::function<double()> read;  // null: a histogram
    Counter* counter = nullptr;
    Gauge* gauge = nullptr;
    Histogram* histogram = nullptr;
  };
  const Entry* find(std::string_view name, const MetricLabels& labels) const;
  mutable std::mutex mutex_;
  std::deque<Counter> counters_;
  std::deque<Gauge> gauges_;
  std::deque<Histogram> histograms_;
  std::deque<Entry> entries_;
};

}  // namespace telegen
