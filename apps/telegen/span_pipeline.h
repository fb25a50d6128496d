// Queue, sampler, outputs and the thread that feeds them, put together from the settings: for the worker and for
// replay.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/random.h"
#include "control/config/settings.h"
#include "export/file.h"
#include "export/transport/transport.h"
#include "pipeline/export_loop.h"
#include "pipeline/recent_spans.h"
#include "pipeline/span_intake.h"
#include "pipeline/span_queue.h"

namespace telegen::app {

struct PipelineWorld {
  MetricRegistry& metrics;
  std::function<void(std::span<Span>)> enrich;
  TlsMaterial tls;
  OpenOutput open_output;  // empty: no file output
};

class SpanPipeline {
 public:
  static Result<std::unique_ptr<SpanPipeline>> start(const Settings& settings, PipelineWorld world);

  SpanIntake& intake() { return intake_; }
  SpanQueue& queue() { return queue_; }
  RecentSpans& recent() { return recent_; }
  ExportLoop& loop() { return *loop_; }
  // Where spans go, for people: "otlp 127.0.0.1:4317 (grpc)", "console"; empty: only the API shows them.
  const std::vector<std::string>& destinations() const { return destinations_; }

 private:
  SpanPipeline(const Settings& settings, MetricRegistry& metrics, Sampler sampler);
  Result<void> open_outputs(const Settings& settings, PipelineWorld& world, Outputs& outputs);
  Random random_;
  SpanQueue queue_;
  RecentSpans recent_;
  SpanIntake intake_;
  std::vector<std::string> destinations_;
  std::unique_ptr<ExportLoop> loop_;  // last: it uses all of the above
};

}  // namespace telegen::app
