#include "analytics/span_metrics.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

namespace telegen {
namespace {

// Lists are left out: no metric has one.
bool as_series_value(const Value& value, SeriesAttribute& out) {
  return std::visit(
      [&](const auto& held) {
        using Type = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Type, std::vector<std::string>>) {
          return false;
        } else if constexpr (std::is_same_v<Type, std::string>) {
          out.value = std::string_view(held);
          return true;
        } else {
          out.value = held;
          return true;
        }
      },
      value);
}

bool is_text(const Value& value, std::string_view text) {
  const auto* held = std::get_if<std::string>(&value);
  return held != nullptr && *held == text;
}

double seconds_of(const Span& span) {
  if (span.end <= span.start) return 0;
  return static_cast<double>(span.end.ns - span.start.ns) / 1e9;
}

}  // namespace

Result<std::unique_ptr<SpanMetrics>> SpanMetrics::make(HistogramKind histograms, const SeriesSettings& series,
                                                       std::uint64_t hash_seed, MetricRegistry& own) {
  std::unique_ptr<SpanMetrics> made(new SpanMetrics(series, hash_seed, own));
  for (const SpanMetricRow& row : span_metric_rows()) {
    if (auto added = made->add(row, histograms); !added) return std::unexpected(added.error());
  }
  return made;
}

Result<void> SpanMetrics::add(const SpanMetricRow& row, HistogramKind histograms) {
  const bool exponential = histograms == HistogramKind::kExponential;
  auto instrument =
      metrics_.add({.name = std::string(row.metric),
                    .description = std::string(row.description),
                    .unit = "s",
                    .kind = exponential ? InstrumentKind::kExponentialHistogram : InstrumentKind::kHistogram,
                    .bounds = {row.bounds.begin(), row.bounds.end()}});
  if (!instrument) return std::unexpected(instrument.error());
  Row compiled{*instrument, row.kinds, keys_.add(row.key), row.value, {}};
  for (const std::string_view key : row.attributes) compiled.attributes.emplace_back(keys_.add(key), key);
  const bool full = compiled.key == KeyIndex::kMost || std::ranges::any_of(compiled.attributes, [](const auto& one) {
                      return one.first == KeyIndex::kMost;
                    });
  if (full || compiled.attributes.size() > kMostAttributes) {
    return fail("make the metric " + std::string(row.metric) + ": too many attributes");
  }
  rows_.push_back(std::move(compiled));
  return {};
}

void SpanMetrics::find(const Span& span) {
  found_.present = 0;
  for (const Attribute& attribute : span.attributes) {
    const std::size_t number = keys_.find(attribute.key);
    if (number == KeyIndex::kMost) continue;
    found_.values[number] = &attribute.value;
    found_.present |= std::uint64_t{1} << number;
  }
}

const SpanMetrics::Row* SpanMetrics::row_of(const Span& span) const {
  const std::uint8_t kind = kind_bit(span.kind);
  for (const Row& row : rows_) {
    if ((row.kinds & kind) == 0 || !found_.has(row.key)) continue;
    if (row.value.empty() || is_text(*found_.values[row.key], row.value)) return &row;
  }
  return nullptr;
}

SeriesAttributes SpanMetrics::attributes_of(const Row& row) {
  std::size_t count = 0;
  for (const auto& [number, key] : row.attributes) {
    if (!found_.has(number) || !as_series_value(*found_.values[number], attributes_[count])) continue;
    attributes_[count++].key = key;
  }
  return SeriesAttributes(attributes_).first(count);
}

void SpanMetrics::observe(const Span& span, UnixTime now) {
  find(span);
  const Row* row = row_of(span);
  if (row == nullptr) return;
  ExemplarCandidate candidate;
  row->instrument->record(seconds_of(span), span.resource, attributes_of(*row), now, &candidate);
  if (candidate.reservoir != nullptr) candidates_.add(span.span_id, std::move(candidate));
}

void SpanMetrics::observe(std::span<const Span> spans, UnixTime now) {
  const std::scoped_lock lock(mutex_);
  for (const Span& span : spans) observe(span, now);
}

void SpanMetrics::confirm(std::span<const Span> sent) {
  const std::scoped_lock lock(mutex_);
  if (candidates_.size() == 0) return;
  for (const Span& span : sent) candidates_.confirm(span.trace_id, span.span_id);
}

void SpanMetrics::forget_candidates() {
  const std::scoped_lock lock(mutex_);
  candidates_.clear();
}

std::vector<Metric> SpanMetrics::collect(Time now, UnixTime wall) {
  const std::scoped_lock lock(mutex_);
  return metrics_.collect(now, wall);
}

}  // namespace telegen
