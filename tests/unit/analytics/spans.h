// Spans and what is made of them, for the tests of this folder.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../metrics/collected.h"
#include "analytics/span_metrics.h"

namespace telegen::testing {

template <class Id>
Id numbered(std::uint64_t number) {
  Id id;
  for (std::size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return id;
}

// `took` may be negative: it ends before it starts.
inline Span span_of(SpanKind kind, Attributes attributes, Duration took = std::chrono::milliseconds(20),
                    ResourcePtr resource = service("shop")) {
  Span span;
  span.kind = kind;
  span.start = {kEpoch};
  span.end = {kEpoch + static_cast<std::uint64_t>(took.count())};
  span.attributes = std::move(attributes);
  span.resource = std::move(resource);
  return span;
}

inline std::unique_ptr<SpanMetrics> made(MetricRegistry& own, const SeriesSettings& series = {},
                                         HistogramKind histograms = HistogramKind::kExplicit) {
  return *SpanMetrics::make(histograms, series, 7, own);
}

// "key=value key=value", sorted, as the order of attributes has no meaning.
inline std::string attributes_text(const AttributeSetPtr& set) {
  if (set == nullptr) return "";
  std::vector<std::string> list;
  for (const OwnedAttribute& one : set->attributes) {
    const auto* text = std::get_if<std::string>(&one.value);
    const auto* number = std::get_if<std::int64_t>(&one.value);
    list.push_back(one.key + "=" + (text != nullptr ? *text : number != nullptr ? std::to_string(*number) : "?"));
  }
  std::ranges::sort(list);
  std::string all;
  for (const std::string& one : list) all += (all.empty() ? "" : " ") + one;
  return all;
}

}  // namespace telegen::testing
