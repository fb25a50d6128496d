// Metrics of requests, errors and durations from spans: of all spans, whatever becomes of them. Each span goes into one
// histogram of seconds (span_metric_table.h), in the series of its resource and the attributes that the table names.
// Exemplars are of spans that are sent: a span is observed first, and confirmed when it is on its way.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "analytics/exemplar_candidates.h"
#include "analytics/key_index.h"
#include "analytics/span_metric_table.h"
#include "base/result.h"
#include "metrics/application_metrics.h"
#include "model/span.h"

namespace telegen {

enum class HistogramKind : std::uint8_t { kExplicit, kExponential };

// Any thread: those who observe and those who collect exclude each other, a call at a time.
class SpanMetrics {
 public:
  // `hash_seed` as ApplicationMetrics wants it; `own` outlives this.
  static Result<std::unique_ptr<SpanMetrics>> make(HistogramKind histograms, const SeriesSettings& series,
                                                   std::uint64_t hash_seed, MetricRegistry& own);

  // Spans with their resource. A span that ends before it starts took no time. `now` is the wall clock as it is read
  // now.
  void observe(std::span<const Span> spans, UnixTime now);
  // These spans, observed before, are on their way to whoever gets the metrics, or are written here.
  void confirm(std::span<const Span> sent);
  // No other of the spans observed so far will be sent.
  void forget_candidates();

  // As ApplicationMetrics::collect.
  std::vector<Metric> collect(Time now, UnixTime wall);

 private:
  struct Row {
    Instrument* instrument = nullptr;
    std::uint8_t kinds = 0;
    std::size_t key = 0;
    std::string_view value;
    std::vector<std::pair<std::size_t, std::string_view>> attributes;
  };
  static constexpr std::size_t kMostAttributes = 16;  // of a row
  // The attributes of a span that the table asks for, by number; only those with their bit set.
  struct Found {
    std::uint64_t present = 0;
    std::array<const Value*, KeyIndex::kMost> values{};
    bool has(std::size_t number) const { return (present >> number & 1U) != 0; }
  };

  SpanMetrics(const SeriesSettings& series, std::uint64_t hash_seed, MetricRegistry& own)
      : metrics_(series, hash_seed, own) {}
  Result<void> add(const SpanMetricRow& row, HistogramKind histograms);
  void find(const Span& span);
  const Row* row_of(const Span& span) const;
  SeriesAttributes attributes_of(const Row& row);
  void observe(const Span& span, UnixTime now);

  std::mutex mutex_;  // of all below
  ApplicationMetrics metrics_;
  KeyIndex keys_;
  std::vector<Row> rows_;
  ExemplarCandidates candidates_;
  Found found_;  // of the span that is observed; here, as making it anew costs more than all else
  std::array<SeriesAttribute, kMostAttributes> attributes_;
};

}  // namespace telegen
