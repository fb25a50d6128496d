// The metrics of spans: made as the settings say, and sent every otlp.metrics.interval.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "analytics/span_metrics.h"
#include "base/metrics.h"
#include "base/random.h"
#include "control/config/settings.h"
#include "delivery/delivery.h"
#include "sending_time.h"

namespace telegen::app {

// Thread safe.
class SpanMetricsSender {
 public:
  // `delivery` outlives this, `own` whoever has what next() gave.
  SpanMetricsSender(Delivery& delivery, MetricRegistry& own, Random random)
      : delivery_(delivery), own_(own), random_(random) {}

  // What spans are to be observed by under these settings: the one in use where nothing that concerns it changes (its
  // series go on), else a new one (they start anew); null where no metrics are wanted or no destination gets them.
  // Errors are of the configuration. Nothing changes until use().
  Result<std::shared_ptr<SpanMetrics>> next(const Settings& settings, bool has_destination);
  // Goes on with what next() gave for these settings, in which spans are observed from now on. What the one before
  // still holds is sent.
  void use(std::shared_ptr<SpanMetrics> metrics, const Settings& settings, Time now, UnixTime wall);

  // Sends where it is time to.
  void tick(Time now, UnixTime wall);
  // Sends what there is: for a flush, and before the end.
  void send(Time now, UnixTime wall);

 private:
  // What series depend on: where it changes, they start anew.
  struct Plan {
    std::string temporality, histogram;
    SpanMetricsSettings series;
    RedactionSettings redaction;
    std::int64_t value_length = 0;
    bool operator==(const Plan&) const = default;
  };
  static Plan plan_of(const Settings& settings);
  static Result<SeriesSettings> series_settings(const Settings& settings);
  void send_locked(Time now, UnixTime wall);

  Delivery& delivery_;
  MetricRegistry& own_;
  std::mutex mutex_;  // of all below
  Random random_;
  std::shared_ptr<SpanMetrics> metrics_;  // the batcher has it as well
  Plan plan_;
  OtlpSettings otlp_;
  SendingTime time_{delivery_, Signal::kMetrics};
};

}  // namespace telegen::app
