#include "signal_pipeline.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

#include "export/console.h"
#include "version.h"

namespace telegen::app {
namespace {

bool has_receiver(const OtlpSettings& otlp) {
  return !otlp.endpoint.empty() || !otlp.traces.endpoint.empty() || !otlp.destinations.empty();
}

bool gets_metrics(const DeliveryPlan& plan) {
  return std::ranges::any_of(plan.destinations, [](const DestinationPlan& one) {
    return std::ranges::find(one.signals, Signal::kMetrics) != one.signals.end();
  });
}

bool wants_console(const Settings& settings) {
  if (settings.output.console != "auto") return settings.output.console == "always";
  return !has_receiver(settings.otlp) && ::isatty(STDOUT_FILENO) == 1;
}

ConsoleStyle console_style() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  return {.colour = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr,
          .utc_offset_seconds = static_cast<std::int32_t>(local.tm_gmtoff)};
}

}  // namespace

Result<SpanProcessing> SignalPipeline::processing(const Settings& settings) {
  const OtlpTracesSettings& traces = settings.otlp.traces;
  SpanProcessing processing{.settings = {.batch_size = static_cast<std::size_t>(traces.batch_size),
                                         .batch_timeout = traces.batch_timeout,
                                         .max_request_bytes = settings.otlp.max_request_size.bytes,
                                         .scope = {.version = kVersion}},
                            .processor = {},
                            .outputs = {}};
  auto processor = SpanProcessor::make(settings.pipeline, {traces.sampler, traces.sampler_arg}, keys_, scale_);
  if (!processor) return std::unexpected(processor.error());
  processing.processor = *std::move(processor);
  std::vector<std::string> local;
  if (wants_console(settings)) {
    processing.outputs.push_back(make_console_output(STDOUT_FILENO, console_style()));
    local.emplace_back("console");
  }
  if (const FileOutputSettings& file = settings.output.file; !file.path.empty() && world_.open_output) {
    if (!file_) file_ = make_file_output(file.path, world_.open_output, file.max_size.bytes, processing.settings.scope);
    processing.outputs.push_back(file_);
    local.push_back("file " + file.path);
  }
  const std::scoped_lock lock(local_mutex_);
  local_ = std::move(local);
  return processing;
}

Result<std::unique_ptr<SignalPipeline>> SignalPipeline::start(const Settings& settings, PipelineWorld world) {
  std::unique_ptr<SignalPipeline> pipeline(new SignalPipeline(std::move(world)));
  auto plan = delivery_plan(settings, pipeline->world_.read_tls);
  if (!plan) return std::unexpected(plan.error());
  auto processing = pipeline->processing(settings);
  if (!processing) return std::unexpected(processing.error());
  const bool metrics_wanted = gets_metrics(*plan);
  auto delivery = Delivery::start(*std::move(plan), {.segments = pipeline->world_.segments,
                                                     .metrics = pipeline->world_.metrics,
                                                     .clock = monotonic_now,
                                                     .wall_clock = unix_now,
                                                     .random = [self = pipeline.get()] {
                                                       const std::scoped_lock lock(self->random_mutex_);
                                                       return self->random_.next();
                                                     }});
  if (!delivery) return std::unexpected(delivery.error());
  pipeline->delivery_ = std::move(*delivery);
  pipeline->span_metrics_ =
      std::make_unique<SpanMetricsSender>(*pipeline->delivery_, pipeline->world_.metrics, Random::from_kernel());
  auto metrics = pipeline->span_metrics_->next(settings, metrics_wanted);
  if (!metrics) return std::unexpected(metrics.error());
  processing->metrics = *metrics;
  pipeline->span_metrics_->use(*std::move(metrics), settings, monotonic_now(), unix_now());
  pipeline->batcher_ =
      std::make_unique<SpanBatcher>(*std::move(processing), BatcherWorld{.delivery = *pipeline->delivery_,
                                                                         .recent = pipeline->recent_,
                                                                         .metrics = pipeline->world_.metrics,
                                                                         .enrich = pipeline->world_.enrich,
                                                                         .clock = monotonic_now,
                                                                         .wall_clock = unix_now});
  return pipeline;
}

std::vector<std::string> SignalPipeline::destinations() const {
  std::vector<std::string> all = delivery_->destinations();
  const std::scoped_lock lock(local_mutex_);
  all.insert(all.end(), local_.begin(), local_.end());
  return all;
}

Result<void> SignalPipeline::apply(const Settings& settings, const ReadTlsFile& read_tls) {
  auto plan = delivery_plan(settings, read_tls);
  if (!plan) return std::unexpected(plan.error());
  auto next = processing(settings);
  if (!next) return std::unexpected(next.error());
  auto metrics = span_metrics_->next(settings, gets_metrics(*plan));
  if (!metrics) return std::unexpected(metrics.error());
  next->metrics = *metrics;
  batcher_->apply(*std::move(next));
  span_metrics_->use(*std::move(metrics), settings, monotonic_now(), unix_now());
  delivery_->apply(*std::move(plan));
  return {};
}

void SignalPipeline::tick(Time now, UnixTime wall) {
  span_metrics_->tick(now, wall);
  delivery_->tick();
}

bool SignalPipeline::flush(Duration timeout) {
  const Time end = monotonic_now() + timeout;
  if (!batcher_->flush(timeout)) return false;
  span_metrics_->send(monotonic_now(), unix_now());
  return delivery_->flush(std::max(end - monotonic_now(), Duration::zero()));
}

void SignalPipeline::stop(Duration timeout) {
  const Time deadline = monotonic_now() + timeout;
  batcher_->stop();
  span_metrics_->send(monotonic_now(), unix_now());
  delivery_->stop(deadline);
}

}  // namespace telegen::app
