// What a collection holds, for the tests of this folder.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "metrics/application_metrics.h"

namespace telegen::testing {

inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr std::uint64_t kEpoch = 1'700'000'000 * kSecond;

inline ResourcePtr service(std::string name) {
  auto resource = std::make_shared<Resource>();
  resource->attributes = {{"service.name", std::move(name)}};
  return resource;
}

// Both clocks, which a test moves and sets.
struct Clocks {
  Time steady{kSecond};
  UnixTime wall{kEpoch};
  void pass(Duration time) {
    steady = steady + time;
    wall.ns += static_cast<std::uint64_t>(time.count());
  }
};

// All points of a metric's parts, in the order in which they came.
template <class Data>
auto points_of(const std::vector<Metric>& metrics, const std::string& name) {
  decltype(Data::points) points;
  for (const Metric& metric : metrics) {
    if (metric.name != name) continue;
    const auto& part = std::get<Data>(metric.data).points;
    points.insert(points.end(), part.begin(), part.end());
  }
  return points;
}

inline bool is_overflow(const AttributeSetPtr& set) {
  return set != nullptr && set->attributes.size() == 1 && set->attributes[0].key == "otel.metric.overflow" &&
         set->attributes[0].value == Value(true);
}

// "GET /a": the texts of a set in the order of their keys; an overflow is "overflow".
inline std::string text_of(const AttributeSetPtr& set) {
  if (set == nullptr) return "";
  if (is_overflow(set)) return "overflow";
  std::vector<std::pair<std::string, std::string>> sorted;
  for (const OwnedAttribute& one : set->attributes) sorted.emplace_back(one.key, std::get<std::string>(one.value));
  std::ranges::sort(sorted);
  std::string text;
  for (const auto& [key, value] : sorted) text += (text.empty() ? "" : " ") + value;
  return text;
}

// What a counter of the agent itself says, of all its labels together; -1 where there is none.
inline double own_figure(const MetricRegistry& own, const std::string& name, const std::string& label = "") {
  double sum = -1;
  own.visit([&](const MetricSample& sample) {
    if (sample.name != name) return;
    if (!label.empty() && (sample.labels->empty() || sample.labels->front().second != label)) return;
    sum = std::max(sum, 0.0) + sample.value;
  });
  return sum;
}

}  // namespace telegen::testing
