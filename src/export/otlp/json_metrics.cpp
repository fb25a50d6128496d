#include <variant>

#include "export/otlp/json.h"
#include "export/otlp/json_text.h"

namespace telegen::otlp {
namespace {

constexpr unsigned kNoRecordedValue = 1;  // DataPointFlags

void write_number(JsonObject& object, const NumberValue& value) {
  if (const double* real = std::get_if<double>(&value)) {
    json_real(object.field("asDouble"), *real);
  } else {
    json_quoted(object.field("asInt"), std::get<std::int64_t>(value));
  }
}

void write_exemplar(std::string& out, const Exemplar& exemplar) {
  JsonObject object(out);
  object.attributes("filteredAttributes", exemplar.filtered_attributes);
  object.nanoseconds("timeUnixNano", exemplar.time.ns);
  write_number(object, exemplar.value);
  if (exemplar.span_id.valid()) json_hex(object.field("spanId"), exemplar.span_id.bytes);
  if (exemplar.trace_id.valid()) json_hex(object.field("traceId"), exemplar.trace_id.bytes);
  object.end();
}

void write_common(JsonObject& object, const Point& point) {
  if (point.attributes != nullptr) object.attributes("attributes", point.attributes->attributes);
  if (point.start.ns != 0) object.nanoseconds("startTimeUnixNano", point.start.ns);
  object.nanoseconds("timeUnixNano", point.time.ns);
  if (!point.exemplars.empty()) {
    std::string& out = object.field("exemplars");
    json_array(out, point.exemplars, [&out](const Exemplar& exemplar) { write_exemplar(out, exemplar); });
  }
  if (point.no_recorded_value) json_number(object.field("flags"), kNoRecordedValue);
}

void write_optional(JsonObject& object, std::string_view name, const std::optional<double>& value) {
  if (value) json_real(object.field(name), *value);
}

void write_counts(JsonObject& object, std::string_view name, const std::vector<std::uint64_t>& counts) {
  std::string& out = object.field(name);
  json_array(out, counts, [&out](std::uint64_t count) { json_quoted(out, count); });
}

// What both kinds of histogram have.
template <class AnyHistogramPoint>
void write_summary(JsonObject& object, const AnyHistogramPoint& point) {
  write_common(object, point);
  if (point.count != 0) json_quoted(object.field("count"), point.count);
  write_optional(object, "sum", point.sum);
  write_optional(object, "min", point.min);
  write_optional(object, "max", point.max);
}

void write_buckets(JsonObject& object, std::string_view name, const ExponentialBuckets& buckets) {
  if (buckets.counts.empty()) return;
  JsonObject inner(object.field(name));
  if (buckets.offset != 0) json_number(inner.field("offset"), buckets.offset);
  write_counts(inner, "bucketCounts", buckets.counts);
  inner.end();
}

void write_point(std::string& out, const NumberPoint& point) {
  JsonObject object(out);
  write_common(object, point);
  if (!point.no_recorded_value) write_number(object, point.value);
  object.end();
}

// Bounds are written with the buckets that they divide, and only with those.
void write_point(std::string& out, const HistogramPoint& point, const std::vector<double>& bounds) {
  JsonObject object(out);
  write_summary(object, point);
  if (!point.bucket_counts.empty()) {
    write_counts(object, "bucketCounts", point.bucket_counts);
    json_array(object.field("explicitBounds"), bounds, [&out](double bound) { json_real(out, bound); });
  }
  object.end();
}

void write_point(std::string& out, const ExponentialPoint& point) {
  JsonObject object(out);
  write_summary(object, point);
  if (point.scale != 0) json_number(object.field("scale"), point.scale);
  if (point.zero_count != 0) json_quoted(object.field("zeroCount"), point.zero_count);
  write_buckets(object, "positive", point.positive);
  write_buckets(object, "negative", point.negative);
  if (point.zero_threshold != 0) json_real(object.field("zeroThreshold"), point.zero_threshold);
  object.end();
}

struct DataName {
  std::string_view operator()(const GaugeData&) const { return "gauge"; }
  std::string_view operator()(const SumData&) const { return "sum"; }
  std::string_view operator()(const HistogramData&) const { return "histogram"; }
  std::string_view operator()(const ExponentialHistogramData&) const { return "exponentialHistogram"; }
};

struct DataWriter {
  std::string& out;
  template <class Points, class... Bounds>
  void points(JsonObject& object, const Points& list, const Bounds&... bounds) const {
    json_array(object.field("dataPoints"), list, [&](const auto& point) { write_point(out, point, bounds...); });
  }
  static void temporality(JsonObject& object, Temporality value) {
    json_number(object.field("aggregationTemporality"), static_cast<unsigned>(value));
  }

  void operator()(const GaugeData& data) const {
    JsonObject object(out);
    points(object, data.points);
    object.end();
  }
  void operator()(const SumData& data) const {
    JsonObject object(out);
    points(object, data.points);
    temporality(object, data.temporality);
    if (data.monotonic) object.field("isMonotonic") += "true";
    object.end();
  }
  void operator()(const HistogramData& data) const {
    JsonObject object(out);
    points(object, data.points, data.bounds);
    temporality(object, data.temporality);
    object.end();
  }
  void operator()(const ExponentialHistogramData& data) const {
    JsonObject object(out);
    points(object, data.points);
    temporality(object, data.temporality);
    object.end();
  }
};

void write_metric(std::string& out, const Metric& metric) {
  JsonObject object(out);
  object.text("name", metric.name);
  object.text("description", metric.description);
  object.text("unit", metric.unit);
  object.field(std::visit(DataName{}, metric.data));
  std::visit(DataWriter{out}, metric.data);
  object.end();
}

}  // namespace

std::string encode_metrics_json(std::span<const Metric> metrics, const Scope& scope) {
  return json_request(metrics, scope, {"resourceMetrics", "scopeMetrics", "metrics"}, write_metric);
}

}  // namespace telegen::otlp
