#include "export/otlp/metrics.h"

#include "export/otlp/request.h"

namespace telegen::otlp {
namespace {

constexpr std::uint64_t kNoRecordedValue = 1;  // DataPointFlags

std::size_t set_size(const AttributeSetPtr& set) { return set == nullptr ? 0 : encoded_attributes(*set).size(); }
void write_set(Writer& out, std::uint32_t field, const AttributeSetPtr& set) {
  if (set != nullptr) write_encoded_attributes(out, field, encoded_attributes(*set));
}

// The values of a oneof { double; sfixed64 } have different numbers but the same size.
void write_number(Writer& out, std::uint32_t real_field, std::uint32_t integer_field, const NumberValue& value,
                  bool reals) {
  if (const double* real = std::get_if<double>(&value)) {
    if (reals) out.real_field(real_field, *real);
  } else if (!reals) {
    out.fixed64(integer_field, static_cast<std::uint64_t>(std::get<std::int64_t>(value)));
  }
}

std::size_t exemplar_size(const Exemplar& exemplar) {
  std::size_t size = 2 * kFixed64Field + attributes_size(exemplar.filtered_attributes);
  if (exemplar.span_id.valid()) size += bytes_field_size(exemplar.span_id.bytes.size());
  if (exemplar.trace_id.valid()) size += bytes_field_size(exemplar.trace_id.bytes.size());
  return size;
}

std::size_t exemplars_size(const Point& point) {
  std::size_t size = 0;
  for (const Exemplar& exemplar : point.exemplars) size += bytes_field_size(exemplar_size(exemplar));
  return size;
}

void write_exemplars(Writer& out, std::uint32_t field, const Point& point) {
  for (const Exemplar& exemplar : point.exemplars) {
    out.begin(field, exemplar_size(exemplar));
    out.fixed64(2, exemplar.time.ns);
    write_number(out, 3, 6, exemplar.value, true);
    if (exemplar.span_id.valid()) out.bytes(4, text_of(exemplar.span_id));
    if (exemplar.trace_id.valid()) out.bytes(5, text_of(exemplar.trace_id));
    write_number(out, 3, 6, exemplar.value, false);
    write_attributes(out, 7, exemplar.filtered_attributes);
  }
}

std::size_t common_size(const Point& point) {
  return set_size(point.attributes) + (point.start.ns == 0 ? 0 : kFixed64Field) + kFixed64Field +
         exemplars_size(point) + (point.no_recorded_value ? 2 : 0);
}
void write_times(Writer& out, const Point& point) {
  if (point.start.ns != 0) out.fixed64(2, point.start.ns);
  out.fixed64(3, point.time.ns);
}
void write_flags(Writer& out, std::uint32_t field, const Point& point) {
  if (point.no_recorded_value) out.varint_field(field, kNoRecordedValue);
}

std::size_t optional_size(const std::optional<double>& value) { return value ? kFixed64Field : 0; }
void write_optional(Writer& out, std::uint32_t field, const std::optional<double>& value) {
  if (value) out.real_field(field, *value);
}
std::size_t optional_fixed_size(std::uint64_t value) { return value == 0 ? 0 : kFixed64Field; }
void write_optional_fixed(Writer& out, std::uint32_t field, std::uint64_t value) {
  if (value != 0) out.fixed64(field, value);
}

std::size_t point_size(const NumberPoint& point) {
  return common_size(point) + (point.no_recorded_value ? 0 : kFixed64Field);
}
void write_point(Writer& out, const NumberPoint& point) {
  write_times(out, point);
  if (!point.no_recorded_value) write_number(out, 4, 6, point.value, true);
  write_exemplars(out, 5, point);
  if (!point.no_recorded_value) write_number(out, 4, 6, point.value, false);
  write_set(out, 7, point.attributes);
  write_flags(out, 8, point);
}

template <class Number>
std::size_t packed64_size(const std::vector<Number>& list) {
  return list.empty() ? 0 : bytes_field_size(list.size() * sizeof(Number));
}
template <class Number>
void write_packed64(Writer& out, std::uint32_t field, const std::vector<Number>& list) {
  if (!list.empty()) out.packed64(field, list);
}

// Bounds are written with the buckets that they divide, and only with those.
std::size_t point_size(const HistogramPoint& point, const std::vector<double>& bounds) {
  return common_size(point) + optional_fixed_size(point.count) + optional_size(point.sum) +
         packed64_size(point.bucket_counts) + (point.bucket_counts.empty() ? 0 : packed64_size(bounds)) +
         optional_size(point.min) + optional_size(point.max);
}
void write_point(Writer& out, const HistogramPoint& point, const std::vector<double>& bounds) {
  write_times(out, point);
  write_optional_fixed(out, 4, point.count);
  write_optional(out, 5, point.sum);
  write_packed64(out, 6, point.bucket_counts);
  if (!point.bucket_counts.empty()) write_packed64(out, 7, bounds);
  write_exemplars(out, 8, point);
  write_set(out, 9, point.attributes);
  write_flags(out, 10, point);
  write_optional(out, 11, point.min);
  write_optional(out, 12, point.max);
}

std::size_t counts_size(const ExponentialBuckets& buckets) {
  std::size_t size = 0;
  for (const std::uint64_t count : buckets.counts) size += varint_size(count);
  return size;
}
std::size_t buckets_size(const ExponentialBuckets& buckets) {
  return wire::optional_varint_size(protozero::encode_zigzag32(buckets.offset)) +
         bytes_field_size(counts_size(buckets));
}
std::size_t optional_buckets_size(const ExponentialBuckets& buckets) {
  return buckets.counts.empty() ? 0 : bytes_field_size(buckets_size(buckets));
}
void write_optional_buckets(Writer& out, std::uint32_t field, const ExponentialBuckets& buckets) {
  if (buckets.counts.empty()) return;
  out.begin(field, buckets_size(buckets));
  out.optional_varint(1, protozero::encode_zigzag32(buckets.offset));
  out.begin(2, counts_size(buckets));
  for (const std::uint64_t count : buckets.counts) out.varint(count);
}

std::size_t point_size(const ExponentialPoint& point) {
  return common_size(point) + optional_fixed_size(point.count) + optional_size(point.sum) +
         wire::optional_varint_size(protozero::encode_zigzag32(point.scale)) + optional_fixed_size(point.zero_count) +
         optional_buckets_size(point.positive) + optional_buckets_size(point.negative) + optional_size(point.min) +
         optional_size(point.max) + (point.zero_threshold == 0 ? 0 : kFixed64Field);
}
void write_point(Writer& out, const ExponentialPoint& point) {
  write_set(out, 1, point.attributes);
  write_times(out, point);
  write_optional_fixed(out, 4, point.count);
  write_optional(out, 5, point.sum);
  out.optional_varint(6, protozero::encode_zigzag32(point.scale));
  write_optional_fixed(out, 7, point.zero_count);
  write_optional_buckets(out, 8, point.positive);
  write_optional_buckets(out, 9, point.negative);
  write_flags(out, 10, point);
  write_exemplars(out, 11, point);
  write_optional(out, 12, point.min);
  write_optional(out, 13, point.max);
  if (point.zero_threshold != 0) out.real_field(14, point.zero_threshold);
}

// Gauge, Sum, Histogram, ExponentialHistogram: { repeated … data_points = 1; AggregationTemporality = 2; bool = 3; }
struct DataField {
  std::uint32_t operator()(const GaugeData&) const { return 5; }
  std::uint32_t operator()(const SumData&) const { return 7; }
  std::uint32_t operator()(const HistogramData&) const { return 9; }
  std::uint32_t operator()(const ExponentialHistogramData&) const { return 10; }
};

template <class Points, class... Bounds>
std::size_t points_size(const Points& points, const Bounds&... bounds) {
  std::size_t size = 0;
  for (const auto& point : points) size += bytes_field_size(point_size(point, bounds...));
  return size;
}

struct DataSize {
  std::size_t operator()(const GaugeData& data) const { return points_size(data.points); }
  std::size_t operator()(const SumData& data) const { return points_size(data.points) + (data.monotonic ? 4 : 2); }
  std::size_t operator()(const HistogramData& data) const { return points_size(data.points, data.bounds) + 2; }
  std::size_t operator()(const ExponentialHistogramData& data) const { return points_size(data.points) + 2; }
};

struct DataWriter {
  Writer& out;
  template <class Points, class... Bounds>
  void points(const Points& list, const Bounds&... bounds) const {
    for (const auto& point : list) {
      out.begin(1, point_size(point, bounds...));
      write_point(out, point, bounds...);
    }
  }
  void temporality(Temporality value) const { out.varint_field(2, static_cast<std::uint64_t>(value)); }

  void operator()(const GaugeData& data) const { points(data.points); }
  void operator()(const SumData& data) const {
    points(data.points);
    temporality(data.temporality);
    if (data.monotonic) out.varint_field(3, 1);
  }
  void operator()(const HistogramData& data) const {
    points(data.points, data.bounds);
    temporality(data.temporality);
  }
  void operator()(const ExponentialHistogramData& data) const {
    points(data.points);
    temporality(data.temporality);
  }
};

struct MetricCodec : IndependentItems {
  using Item = Metric;

  static std::size_t size(const Metric& metric) {
    return optional_text_size(metric.name) + optional_text_size(metric.description) + optional_text_size(metric.unit) +
           bytes_field_size(std::visit(DataSize{}, metric.data));
  }

  static void write(Writer& out, const Metric& metric) {
    write_optional_text(out, 1, metric.name);
    write_optional_text(out, 2, metric.description);
    write_optional_text(out, 3, metric.unit);
    out.begin(std::visit(DataField{}, metric.data), std::visit(DataSize{}, metric.data));
    std::visit(DataWriter{out}, metric.data);
  }
};

}  // namespace

Prefix encode_metrics_prefix(std::span<const Metric> metrics, const Scope& scope, std::size_t max_bytes) {
  MetricCodec codec;
  return encode_prefix(metrics, scope, max_bytes, codec);
}

}  // namespace telegen::otlp
