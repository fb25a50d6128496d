// Everything between what makes signals and the receivers, put together from the settings: for the worker and for
// replay.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/random.h"
#include "control/config/settings.h"
#include "delivery_plan.h"
#include "export/file.h"
#include "pipeline/recent_spans.h"
#include "pipeline/span_batcher.h"
#include "span_metrics_sender.h"

namespace telegen::app {

struct PipelineWorld {
  MetricRegistry& metrics;
  SegmentSource& segments;
  std::function<void(std::span<Span>)> enrich;
  ReadTlsFile read_tls;
  OpenOutput open_output;  // empty: no file output
};

class SignalPipeline {
 public:
  static Result<std::unique_ptr<SignalPipeline>> start(const Settings& settings, PipelineWorld world);

  SpanIntake& intake() { return batcher_->intake(); }
  RecentSpans& recent() { return recent_; }
  // What the samplers' shares are multiplied by; any thread may set it.
  SamplingScale& sampling_scale() { return scale_; }
  Delivery& delivery() { return *delivery_; }
  // Where spans go, for people: "otlp 127.0.0.1:4317 (grpc)", "console"; empty: only the API shows them.
  std::vector<std::string> destinations() const;

  // Goes on by other settings, with nothing lost; or not at all, and the error says why.
  Result<void> apply(const Settings& settings, const ReadTlsFile& read_tls);
  // What is due at this time: metrics are sent, queues are forced to the disk. To be called about once a second.
  void tick(Time now, UnixTime wall);
  // False: the time was over before everything was sent.
  bool flush(Duration timeout);
  // Sends what is held, at most for `timeout`.
  void stop(Duration timeout);

 private:
  explicit SignalPipeline(PipelineWorld world) : world_(std::move(world)), random_(Random::from_kernel()) {}
  Result<SpanProcessing> processing(const Settings& settings);

  PipelineWorld world_;
  std::mutex random_mutex_;
  Random random_;
  AttributeKeys keys_;  // outlives all spans
  SamplingScale scale_;
  RecentSpans recent_;
  std::unique_ptr<Delivery> delivery_;
  std::unique_ptr<SpanMetricsSender> span_metrics_;
  std::unique_ptr<SpanBatcher> batcher_;
  std::shared_ptr<SpanOutput> file_;  // opened once, whatever changes
  std::vector<std::string> local_;
  mutable std::mutex local_mutex_;
};

}  // namespace telegen::app
