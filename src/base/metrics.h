// What the agent counts about itself. A room is handed the registry, registers its instruments once and keeps the
// references; adding to one is a relaxed atomic operation and safe from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
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

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

enum class MetricKind { kCounter, kGauge };

// One reading of one instrument, as /metrics and /status show it.
struct MetricSample {
  std::string_view name;  // Prometheus form: telegen_spans_exported_total
  std::string_view help;
  MetricKind kind;
  const MetricLabels* labels;
  double value;
};

// Thread safe. References it returns stay valid as long as the registry.
class MetricRegistry {
 public:
  // The same one for the same name and labels: what is made anew while the agent runs goes on counting.
  Counter& counter(std::string name, std::string help, MetricLabels labels = {});
  Gauge& gauge(std::string name, std::string help, MetricLabels labels = {});
  // A figure that exists elsewhere (a kernel counter, a queue's size): read when somebody asks, from that thread.
  void observe(std::string name, std::string help, MetricKind kind, MetricLabels labels, std::function<double()> read);
  void visit(const std::function<void(const MetricSample&)>& visitor) const;

 private:
  struct Entry {
    std::string name;
    std::string help;
    MetricKind kind;
    MetricLabels labels;
    std::function<double()> read;
    Counter* counter = nullptr;
    Gauge* gauge = nullptr;
  };
  const Entry* find(std::string_view name, const MetricLabels& labels) const;
  mutable std::mutex mutex_;
  std::deque<Counter> counters_;
  std::deque<Gauge> gauges_;
  std::deque<Entry> entries_;
};

}  // namespace telegen
