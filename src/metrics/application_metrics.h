// The metrics of the applications that are watched: instruments by name, and what they hold read at every interval.
// What is recorded is kept a series, (resource, set of attributes), as OpenTelemetry's metrics data model has it:
//
// - A series starts when the first value comes. Nothing recorded for `max_idle` ends it: its last point says so
//   (no_recorded_value), it is removed, and if it comes back it starts anew. With delta temporality it ends in silence.
// - Cumulative: every series has a point in every collection, with the same start until it ends.
// - Delta: a series has a point when something was recorded since its last one; its start is that one's time, so the
//   intervals of a series touch and their sum is the cumulative value.
// - Up to SeriesSettings::max_series a metric and resource, and max_bytes in all. What would be one too many is added
// to
//   the series {otel.metric.overflow: true} of its metric and resource: no value is lost, only its attributes. The
//   overflow series itself is always made, so max_bytes may be exceeded by one series a metric and resource.
//
// Clocks: idleness is measured by the monotonic clock, points have the wall clock's time. Times of points never go
// back, and no interval is empty or negative, wherever the wall clock is set: set back, points follow each other by a
// nanosecond until it has passed the latest of them.
//
// One thread records and collects. The figures that it shows of itself (series_account.cpp) are read from any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "metrics/instrument.h"

namespace telegen {

class ApplicationMetrics {
 public:
  // `hash_seed` is random and kept secret (see hash_of); `own` outlives this.
  ApplicationMetrics(const SeriesSettings& settings, std::uint64_t hash_seed, MetricRegistry& own);

  // A new instrument, valid as long as this. Fails on a name that is not one or is taken, on bounds that do not ascend,
  // and on fewer than two exponential buckets.
  Result<Instrument*> add(InstrumentDescription description);

  // What there is to send, each metric of one resource and at most max_points points: a metric with more comes in
  // parts, so that whoever encodes can split a request between them. Call it once an interval, and once before the end.
  std::vector<Metric> collect(Time now, UnixTime wall);

  std::size_t series() const { return account_.series(); }
  // An estimate of the heap that series take, encoded attributes included, within a fifth.
  std::size_t bytes_held() const { return account_.bytes(); }

 private:
  SeriesAccount account_;
  std::vector<std::unique_ptr<Instrument>> instruments_;
};

}  // namespace telegen
