// What all instruments of one ApplicationMetrics share: settings, limits, and what is held. One thread; the figures
// that it shows are read from any.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/metrics.h"
#include "base/time.h"
#include "model/metric.h"

namespace telegen {

struct SeriesSettings {
  // Of counters and histograms. Up-down counters are always cumulative, as OpenTelemetry's exporters have it ("delta"
  // preference): a sum that goes up and down is a level, and changes of a level are of no use where one is lost.
  Temporality temporality = Temporality::kCumulative;
  Duration max_idle = std::chrono::minutes(5);  // a series that is not updated for so long has ended
  std::size_t max_series = 2000;                // of a metric and a resource, the overflow series included; 1 or more
  std::size_t max_bytes = 64 << 20;             // of all series; beyond it new ones go to overflow
  std::size_t max_points = 200;                 // of a Metric that is collected; 1 or more
  // What every text goes through before a series keeps it (redaction, length); empty: nothing.
  std::function<void(std::string&)> clean;
};

class SeriesAccount {
 public:
  // `own` outlives this; the figures that it shows of several accounts are added up.
  SeriesAccount(const SeriesSettings& limits, std::uint64_t hash_seed, MetricRegistry& own);
  ~SeriesAccount();
  SeriesAccount(const SeriesAccount&) = delete;
  SeriesAccount& operator=(const SeriesAccount&) = delete;

  // The time at which a series starts or points are read: `now`, but never before any that it gave earlier.
  UnixTime start_of(UnixTime now);
  // As above, and later than any that it gave.
  UnixTime point_of(UnixTime now);

  void series_added();
  void series_ended();
  void hold(std::size_t bytes);
  void release(std::size_t bytes);
  std::size_t series() const { return series_; }
  std::size_t bytes() const { return bytes_; }

  const SeriesSettings settings;
  const std::uint64_t seed;
  Counter& overflowed;    // values that went to an overflow series
  Counter& not_finite;    // refused: infinite, or not a number
  Counter& negative;      // refused where only what is not negative adds up
  Counter& not_integers;  // refused: real numbers for an instrument of integers

 private:
  UnixTime latest_;
  std::size_t series_ = 0;
  std::size_t bytes_ = 0;
  Gauge& series_gauge_;
  Gauge& bytes_gauge_;
  Counter& ended_;
};

}  // namespace telegen
