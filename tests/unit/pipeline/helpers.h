// Canned spans and a look into the metrics, for the tests of this folder.
#pragma once

#include <string_view>
#include <vector>

#include "../export/sample_spans.h"
#include "base/metrics.h"

namespace telegen::testing {

// Span::process counts up from `first`, so that order can be checked.
inline std::vector<Span> spans_of(std::size_t count, std::uint8_t first = 0) {
  std::vector<Span> spans;
  for (std::size_t i = 0; i < count; ++i) {
    spans.push_back(http_span(static_cast<std::uint8_t>(first + i), nullptr));
    spans.back().process = static_cast<std::uint32_t>(first + i);
  }
  return spans;
}

// The value of an instrument; -1 if there is none. `label` is the value of its first label.
inline double metric(const MetricRegistry& registry, std::string_view name, std::string_view label = {}) {
  double found = -1;
  registry.visit([&](const MetricSample& sample) {
    if (sample.name == name && (label.empty() || sample.labels->front().second == label)) found = sample.value;
  });
  return found;
}

}  // namespace telegen::testing
