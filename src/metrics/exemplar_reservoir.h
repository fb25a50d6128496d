// The exemplars of one series until they are read. What is measured is known before it is known whether its span is
// sent, so a measurement is a candidate first. One thread, the one of the series' ApplicationMetrics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/metric.h"

namespace telegen {

// At most one exemplar a bucket and kMost in all, those of the highest buckets: the slowest requests are what people
// look for. Of one bucket the first that comes.
class ExemplarReservoir {
 public:
  static constexpr std::size_t kMost = 4;  // of a point

  struct Measurement {
    std::int32_t bucket = 0;  // ascends with the value
    double value = 0;
    UnixTime time;
  };

  bool wants(std::int32_t bucket) const;
  // False, and nothing kept, if it is not wanted.
  bool keep(const Measurement& measurement, const TraceId& trace, const SpanId& span);
  // Those kept since the last call, ascending. Buckets that are one after a shift to the right give one exemplar.
  std::vector<Exemplar> take(int shift = 0);

  // Counts up when what was measured so far no longer is in the series' points.
  std::uint32_t interval() const { return interval_; }
  void next_interval();

 private:
  struct Kept {
    Measurement measurement;
    TraceId trace;
    SpanId span;
  };
  std::array<Kept, kMost> kept_;  // by bucket, ascending
  std::size_t count_ = 0;
  std::uint32_t interval_ = 0;
};

// A measurement that may become an exemplar. Empty where none is wanted.
struct ExemplarCandidate {
  // Shared, as the series may end before the span is decided on.
  std::shared_ptr<ExemplarReservoir> reservoir;
  std::uint32_t interval = 0;
  ExemplarReservoir::Measurement measurement;

  // Its span is sent. Nothing is kept where the series' points no longer hold the measurement.
  void confirm(const TraceId& trace, const SpanId& span) const;
};

}  // namespace telegen
