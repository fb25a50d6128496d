// A metric as OpenTelemetry defines it (opentelemetry-proto, metrics/v1/metrics.proto). A plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "model/attribute_set.h"
#include "model/resource.h"
#include "model/span.h"

namespace telegen {

// Delta: of the interval from a point's start to its time. Cumulative: since its start, which stays until a reset.
enum class Temporality : std::uint8_t { kDelta = 1, kCumulative = 2 };

using NumberValue = std::variant<std::int64_t, double>;

// One measurement that went into a point, with the span that it was made in.
struct Exemplar {
  UnixTime time;
  NumberValue value;
  TraceId trace_id;
  SpanId span_id;
  OwnedAttributes filtered_attributes;  // those that the series does not have
};

// What points of all kinds have.
struct Point {
  AttributeSetPtr attributes;
  UnixTime start;  // 0: not known; a gauge has none
  UnixTime time;
  bool no_recorded_value = false;  // the series has ended: there is no value
  std::vector<Exemplar> exemplars;
};

struct NumberPoint : Point {
  NumberValue value;
};

struct HistogramPoint : Point {
  std::uint64_t count = 0;
  std::optional<double> sum;  // not set where negative values are possible and the sum is to be monotonic
  std::optional<double> min;
  std::optional<double> max;
  std::vector<std::uint64_t> bucket_counts;  // one more than bounds; or none
};

// Bucket i of these holds values in (base^(offset+i), base^(offset+i+1)], base = 2^(2^-scale).
struct ExponentialBuckets {
  std::int32_t offset = 0;
  std::vector<std::uint64_t> counts;
};

struct ExponentialPoint : Point {
  std::uint64_t count = 0;
  std::uint64_t zero_count = 0;  // values in [-zero_threshold, zero_threshold]
  std::optional<double> sum;
  std::optional<double> min;
  std::optional<double> max;
  std::int32_t scale = 0;
  double zero_threshold = 0;
  ExponentialBuckets positive;
  ExponentialBuckets negative;  // of the absolute values
};

struct GaugeData {
  std::vector<NumberPoint> points;
};
struct SumData {
  Temporality temporality = Temporality::kCumulative;
  bool monotonic = false;
  std::vector<NumberPoint> points;
};
struct HistogramData {
  Temporality temporality = Temporality::kCumulative;
  std::vector<double> bounds;  // ascending; bucket i holds values in (bounds[i-1], bounds[i]]
  std::vector<HistogramPoint> points;
};
struct ExponentialHistogramData {
  Temporality temporality = Temporality::kCumulative;
  std::vector<ExponentialPoint> points;
};

struct Metric {
  std::string name;
  std::string description;
  std::string unit;  // UCUM: "s", "By", "{request}"
  std::variant<GaugeData, SumData, HistogramData, ExponentialHistogramData> data;
  std::uint32_t process = 0;  // tgid in the root pid namespace; enrichment finds `resource` by it
  ResourcePtr resource;       // null until the metric is enriched
};

}  // namespace telegen
