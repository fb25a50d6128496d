#include "metrics/series_account.h"

#include <algorithm>

namespace telegen {
namespace {

Counter& refused(MetricRegistry& own, const char* cause) {
  return own.counter("telegen_application_values_refused_total", "Measurements that no series took, by cause.",
                     {{"cause", cause}});
}

}  // namespace

SeriesAccount::SeriesAccount(const SeriesSettings& limits, std::uint64_t hash_seed, MetricRegistry& own)
    : settings(limits),
      seed(hash_seed),
      overflowed(own.counter("telegen_application_values_overflowed_total",
                             "Measurements counted in an overflow series, because their own would be one too many.")),
      not_finite(refused(own, "not_finite")),
      negative(refused(own, "negative")),
      not_integers(refused(own, "not_an_integer")),
      series_gauge_(own.gauge("telegen_application_series", "Series of application metrics.")),
      bytes_gauge_(own.gauge("telegen_application_series_bytes", "Memory that series of application metrics take.")),
      ended_(own.counter("telegen_application_series_ended_total",
                         "Series of application metrics removed because nothing updated them.")) {}

SeriesAccount::~SeriesAccount() {
  series_gauge_.add(-static_cast<std::int64_t>(series_));
  bytes_gauge_.add(-static_cast<std::int64_t>(bytes_));
}

UnixTime SeriesAccount::start_of(UnixTime now) { return latest_ = std::max(latest_, now); }

UnixTime SeriesAccount::point_of(UnixTime now) { return latest_ = std::max(UnixTime{latest_.ns + 1}, now); }

void SeriesAccount::series_added() {
  ++series_;
  series_gauge_.add(1);
}

void SeriesAccount::series_ended() {
  --series_;
  series_gauge_.add(-1);
  ended_.add();
}

void SeriesAccount::hold(std::size_t bytes) {
  bytes_ += bytes;
  bytes_gauge_.add(static_cast<std::int64_t>(bytes));
}

void SeriesAccount::release(std::size_t bytes) {
  bytes_ -= bytes;
  bytes_gauge_.add(-static_cast<std::int64_t>(bytes));
}

}  // namespace telegen
