#include "span_metrics_sender.h"

#include <utility>
#include <vector>

#include "base/log.h"
#include "item_requests.h"
#include "processing/limits.h"

namespace telegen::app {

SpanMetricsSender::Plan SpanMetricsSender::plan_of(const Settings& settings) {
  return {.temporality = settings.otlp.metrics.temporality,
          .histogram = settings.otlp.metrics.histogram,
          .series = settings.span_metrics,
          .redaction = settings.pipeline.redaction,
          .value_length = settings.pipeline.limits.value_length};
}

Result<SeriesSettings> SpanMetricsSender::series_settings(const Settings& settings) {
  KeyProblems problems;
  auto limits = std::make_shared<const SpanLimits>(settings.pipeline.limits,
                                                   Redactor::compile(settings.pipeline.redaction, problems));
  if (!problems.empty()) return std::unexpected(to_error(problems));
  const SpanMetricsSettings& series = settings.span_metrics;
  return SeriesSettings{
      .temporality = settings.otlp.metrics.temporality == "delta" ? Temporality::kDelta : Temporality::kCumulative,
      .max_idle = series.max_idle,
      .max_series = static_cast<std::size_t>(series.max_series),
      .max_bytes = series.mem_limit.bytes,
      .clean = [limits = std::move(limits)](std::string& text) { limits->clean_value(text); }};
}

Result<std::shared_ptr<SpanMetrics>> SpanMetricsSender::next(const Settings& settings, bool has_destination) {
  if (!settings.span_metrics.enabled || !has_destination) return nullptr;
  const std::scoped_lock lock(mutex_);
  if (metrics_ != nullptr && plan_ == plan_of(settings)) return metrics_;
  auto series = series_settings(settings);
  if (!series) return std::unexpected(series.error());
  const bool exponential = settings.otlp.metrics.histogram == "exponential";
  auto made = SpanMetrics::make(exponential ? HistogramKind::kExponential : HistogramKind::kExplicit, *series,
                                random_.next(), own_);
  if (!made) return std::unexpected(made.error());
  return std::shared_ptr<SpanMetrics>(*std::move(made));
}

void SpanMetricsSender::use(std::shared_ptr<SpanMetrics> metrics, const Settings& settings, Time now, UnixTime wall) {
  const std::scoped_lock lock(mutex_);
  if (metrics_ != nullptr && metrics_ != metrics) send_locked(now, wall);
  metrics_ = std::move(metrics);
  plan_ = plan_of(settings);
  otlp_ = settings.otlp;
}

void SpanMetricsSender::tick(Time now, UnixTime wall) {
  const std::scoped_lock lock(mutex_);
  if (metrics_ == nullptr) return;
  const auto answer = time_.ask(otlp_.metrics.interval, now);
  if (answer == SendingTime::Answer::kNotYet) return;
  if (answer == SendingTime::Answer::kNowThenSeldom) {
    log_warn(
        "the receiver takes no metrics, so those of spans are offered seldom; pipeline.metrics.enabled: false ends "
        "that");
  }
  send_locked(now, wall);
}

void SpanMetricsSender::send(Time now, UnixTime wall) {
  const std::scoped_lock lock(mutex_);
  if (metrics_ != nullptr) send_locked(now, wall);
}

void SpanMetricsSender::send_locked(Time now, UnixTime wall) {
  const std::vector<Metric> metrics = metrics_->collect(now, wall);
  send_metrics(delivery_, metrics, otlp_, now);
}

}  // namespace telegen::app
