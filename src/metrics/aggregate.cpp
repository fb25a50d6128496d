#include "metrics/aggregate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace telegen {
namespace {

std::int64_t saturating_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

void add(NumberValue& sum, NumberValue value) {
  if (auto* integer = std::get_if<std::int64_t>(&sum)) {
    *integer = saturating_sum(*integer, std::get<std::int64_t>(value));
  } else {
    std::get<double>(sum) += std::get<double>(value);
  }
}

NumberValue zero(NumberType type) {
  if (type == NumberType::kInteger) return std::int64_t{0};
  return 0.0;
}

}  // namespace

Aggregate::Aggregate(const InstrumentDescription& of) : state_(zero(of.numbers)) {
  if (of.kind == InstrumentKind::kHistogram) {
    state_ = Buckets{.counts = std::vector<std::uint64_t>(of.bounds.size() + 1)};
  } else if (of.kind == InstrumentKind::kExponentialHistogram) {
    state_ = ExponentialHistogram(of.max_buckets);
  }
}

void Aggregate::record(const InstrumentDescription& of, NumberValue value) {
  if (auto* number = std::get_if<NumberValue>(&state_)) {
    if (of.kind == InstrumentKind::kGauge) {
      *number = value;
    } else {
      add(*number, value);
    }
    return;
  }
  const double real = std::get<double>(value);
  if (auto* exponential = std::get_if<ExponentialHistogram>(&state_)) {
    exponential->observe(real);
    return;
  }
  auto& buckets = std::get<Buckets>(state_);
  ++buckets.counts[static_cast<std::size_t>(std::ranges::lower_bound(of.bounds, real) - of.bounds.begin())];
  buckets.min = buckets.count == 0 ? real : std::min(buckets.min, real);
  buckets.max = buckets.count == 0 ? real : std::max(buckets.max, real);
  ++buckets.count;
  buckets.sum += real;
}

std::int32_t Aggregate::exemplar_bucket(const InstrumentDescription& of, double value) {
  if (of.kind == InstrumentKind::kExponentialHistogram) {
    return value == 0 ? std::numeric_limits<std::int32_t>::min() : exponential_bucket(std::fabs(value), 0);
  }
  return static_cast<std::int32_t>(std::ranges::lower_bound(of.bounds, value) - of.bounds.begin());
}

int Aggregate::exemplar_shift() const {
  const auto* exponential = std::get_if<ExponentialHistogram>(&state_);
  return exponential == nullptr ? 0 : std::max(0, -exponential->scale());
}

void Aggregate::write(Metric& metric, Point&& point) const {
  const bool ended = point.no_recorded_value;
  if (const auto* exponential = std::get_if<ExponentialHistogram>(&state_)) {
    ExponentialPoint written{std::move(point)};
    if (!ended) exponential->read(written);
    std::get<ExponentialHistogramData>(metric.data).points.push_back(std::move(written));
  } else if (const auto* buckets = std::get_if<Buckets>(&state_)) {
    HistogramPoint written{std::move(point)};
    if (!ended) {
      written.count = buckets->count;
      written.sum = buckets->sum;
      if (buckets->count > 0) written.min = buckets->min;
      if (buckets->count > 0) written.max = buckets->max;
      written.bucket_counts = buckets->counts;
    }
    std::get<HistogramData>(metric.data).points.push_back(std::move(written));
  } else {
    NumberPoint written{std::move(point), std::get<NumberValue>(state_)};
    if (auto* gauge = std::get_if<GaugeData>(&metric.data)) {
      gauge->points.push_back(std::move(written));
    } else {
      std::get<SumData>(metric.data).points.push_back(std::move(written));
    }
  }
}

std::size_t Aggregate::heap_bytes() const {
  if (const auto* exponential = std::get_if<ExponentialHistogram>(&state_)) return exponential->heap_bytes();
  const auto* buckets = std::get_if<Buckets>(&state_);
  return buckets == nullptr ? 0 : buckets->counts.capacity() * sizeof(std::uint64_t);
}

decltype(Metric::data) empty_data(const InstrumentDescription& of, Temporality temporality) {
  switch (of.kind) {
    case InstrumentKind::kCounter: return SumData{.temporality = temporality, .monotonic = true};
    case InstrumentKind::kUpDownCounter: return SumData{.temporality = Temporality::kCumulative, .monotonic = false};
    case InstrumentKind::kGauge: return GaugeData{};
    case InstrumentKind::kHistogram: return HistogramData{.temporality = temporality, .bounds = of.bounds};
    case InstrumentKind::kExponentialHistogram: return ExponentialHistogramData{.temporality = temporality};
  }
  return GaugeData{};
}

}  // namespace telegen
