// What a series adds up, for each kind of instrument. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "metrics/exponential_histogram.h"
#include "model/metric.h"

namespace telegen {

enum class InstrumentKind : std::uint8_t { kCounter, kUpDownCounter, kGauge, kHistogram, kExponentialHistogram };

// Of counters, up-down counters and gauges: sfixed64 or double on the wire.
enum class NumberType : std::uint8_t { kInteger, kReal };

struct InstrumentDescription {
  // OpenTelemetry, metrics API, "Instrument name syntax": a letter, then at most 254 letters, digits, '_', '.', '-' and
  // '/'. Two names that differ only by case are one.
  std::string name;
  std::string description;
  std::string unit;  // UCUM
  InstrumentKind kind = InstrumentKind::kCounter;
  NumberType numbers = NumberType::kReal;
  std::vector<double> bounds;     // of a histogram: finite and ascending; bucket i holds (bounds[i-1], bounds[i]]
  std::size_t max_buckets = 160;  // of an exponential histogram, a sign; 2 or more
};

class Aggregate {
 public:
  explicit Aggregate(const InstrumentDescription& of);

  // `value` is finite, of the instrument's number type, and not negative but for up-down counters and gauges. A sum of
  // integers stops at the limits of 64 bits.
  void record(const InstrumentDescription& of, NumberValue value);
  // Nothing recorded.
  void reset(const InstrumentDescription& of) { *this = Aggregate(of); }
  // By what exemplars of a histogram are kept apart: its bucket, or of an exponential one the power of two, which holds
  // for every scale from 0 up, and for those below when it is shifted by exemplar_shift().
  static std::int32_t exemplar_bucket(const InstrumentDescription& of, double value);
  int exemplar_shift() const;
  // Adds `point` with what was recorded; one of a series that has ended carries no value.
  void write(Metric& metric, Point&& point) const;
  std::size_t heap_bytes() const;

 private:
  struct Buckets {
    std::vector<std::uint64_t> counts;  // one more than bounds
    std::uint64_t count = 0;
    double sum = 0;
    double min = 0;  // of count > 0
    double max = 0;
  };
  std::variant<NumberValue, Buckets, ExponentialHistogram> state_;
};

// The kind of data that the instrument's metric has, without points.
decltype(Metric::data) empty_data(const InstrumentDescription& of, Temporality temporality);

}  // namespace telegen
