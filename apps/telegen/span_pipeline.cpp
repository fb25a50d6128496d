#include "span_pipeline.h"

#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include "export/console.h"
#include "export/otlp_exporter.h"
#include "version.h"

namespace telegen::app {
namespace {

bool wants_console(const Settings& settings) {
  if (settings.output.console != "auto") return settings.output.console == "always";
  return settings.otlp.endpoint.empty() && settings.otlp.traces.endpoint.empty() && ::isatty(STDOUT_FILENO) == 1;
}

ConsoleStyle console_style() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  return {.colour = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr,
          .utc_offset_seconds = static_cast<std::int32_t>(local.tm_gmtoff)};
}

}  // namespace

SpanPipeline::SpanPipeline(const Settings& settings, MetricRegistry& metrics, Sampler sampler)
    : random_(Random::from_kernel()), queue_(settings.queues.traces, metrics), intake_(sampler, queue_) {}

Result<void> SpanPipeline::open_outputs(const Settings& settings, PipelineWorld& world, Outputs& outputs) {
  const otlp::Scope scope{.version = kVersion};
  const OtlpSettings& otlp = settings.otlp;
  if (otlp.traces.enabled && !(otlp.endpoint.empty() && otlp.traces.endpoint.empty())) {
    auto config = traces_transport_config(otlp, std::move(world.tls), kVersion);
    if (!config) return std::unexpected(config.error());
    auto transport = make_transport(std::move(*config));
    if (!transport) return std::unexpected(transport.error());
    destinations_.push_back("otlp " + std::string((*transport)->authority()) + " (" + otlp.protocol + ")");
    outputs.otlp = make_otlp_exporter(std::move(*transport), scope);
  }
  if (wants_console(settings)) {
    outputs.local.push_back(make_console_exporter(STDOUT_FILENO, console_style()));
    destinations_.emplace_back("console");
  }
  if (const FileOutputSettings& file = settings.output.file; !file.path.empty() && world.open_output) {
    outputs.local.push_back(make_file_exporter(file.path, std::move(world.open_output), file.max_size.bytes, scope));
    destinations_.push_back("file " + file.path);
  }
  return {};
}

Result<std::unique_ptr<SpanPipeline>> SpanPipeline::start(const Settings& settings, PipelineWorld world) {
  const auto sampler = Sampler::make(settings.otlp.traces.sampler, settings.otlp.traces.sampler_arg);
  if (!sampler)
    return fail("otlp.traces.sampler: unknown sampler " + settings.otlp.traces.sampler, ErrorKind::kConfiguration);
  std::unique_ptr<SpanPipeline> pipeline(new SpanPipeline(settings, world.metrics, *sampler));
  Outputs outputs;
  if (auto opened = pipeline->open_outputs(settings, world, outputs); !opened) return std::unexpected(opened.error());
  const ExportLoopSettings loop{.batch_size = static_cast<std::size_t>(settings.otlp.traces.batch_size),
                                .batch_timeout = settings.otlp.traces.batch_timeout,
                                .max_age = settings.queues.traces.max_age,
                                .shutdown_timeout = settings.telegen.shutdown_timeout,
                                .backoff = settings.backoff};
  Random& random = pipeline->random_;
  pipeline->loop_ = std::make_unique<ExportLoop>(loop, pipeline->queue_, pipeline->recent_, std::move(outputs),
                                                 Surroundings{.metrics = world.metrics,
                                                              .enrich = std::move(world.enrich),
                                                              .clock = monotonic_now,
                                                              .wall_clock = unix_now,
                                                              .random = [&random] { return random.next(); }});
  return pipeline;
}

}  // namespace telegen::app
