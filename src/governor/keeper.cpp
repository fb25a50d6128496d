#include "governor/keeper.h"

#include <string>
#include <utility>

namespace telegen {
namespace {

std::string in_words(const Governor& governor) {
  const std::string limit(to_text(governor.pressure()));
  switch (governor.step().level) {
    case Degradation::kNone: return "the agent is within its limits again, and captures everything";
    case Degradation::kLessCapture: return "near its limit of " + limit + ", the agent captures less of each message";
    case Degradation::kHeadsOnly: return "near its limit of " + limit + ", the agent captures heads only";
    case Degradation::kLessSampling: return "near its limit of " + limit + ", the agent keeps fewer spans";
    case Degradation::kSuspended: return "at its limit of " + limit + ", the agent captures nothing for a while";
  }
  return {};
}

}  // namespace

ResourceKeeper::ResourceKeeper(const GovernorLimits& limits, UsageSources sources,
                               std::function<Result<void>(const DegradationStep&)> apply, MetricRegistry& metrics)
    : limits_(limits),
      sources_(std::move(sources)),
      apply_(std::move(apply)),
      governor_(limits),
      level_(metrics.gauge("telegen_governor_level",
                           "What is given up to stay within the limits: 0 nothing, 1 some of each message, 2 all but "
                           "heads, 3 spans, 4 all new captures.")),
      capture_bytes_(metrics.gauge("telegen_governor_capture_bytes", "What is captured of each message's head.")),
      changes_(metrics.counter("telegen_governor_changes_total", "How often that changed.")) {
  expose(metrics);
  show();
}

void ResourceKeeper::expose(MetricRegistry& metrics) {
  metrics.observe("telegen_governor_sampling_scale", "What the sampler's rate is multiplied by.", MetricKind::kGauge,
                  {}, [this] { return sampling_scale_.load(std::memory_order_relaxed); });
  if (!limits_.memory_bytes) return;
  metrics.observe("telegen_governor_memory_limit_bytes", "The memory limit that holds for the agent.",
                  MetricKind::kGauge, {}, [this] { return static_cast<double>(*limits_.memory_bytes); });
  metrics.observe("telegen_governor_memory_bytes", "Memory that counts towards that limit.", MetricKind::kGauge, {},
                  [this] { return static_cast<double>(memory_bytes_.load(std::memory_order_relaxed)); });
}

void ResourceKeeper::show() {
  const DegradationStep& step = governor_.step();
  level_.set(static_cast<std::int64_t>(step.level));
  capture_bytes_.set(step.capture_bytes);
  sampling_scale_.store(step.sampling_scale, std::memory_order_relaxed);
}

void ResourceKeeper::tick(Time now) {
  const ResourceUsage usage{.now = now, .memory_bytes = sources_.memory_bytes(), .cpu = sources_.cpu()};
  if (usage.memory_bytes) memory_bytes_.store(*usage.memory_bytes, std::memory_order_relaxed);
  const Degradation before = governor_.step().level;
  if (governor_.update(usage)) {
    in_force_ = false;
    changes_.add();
    show();
  }
  if (governor_.step().level != before) log_warn(in_words(governor_));
  if (in_force_) return;
  const auto applied = apply_(governor_.step());
  in_force_ = applied.has_value();
  if (!applied) failures_.warn(now, "what is captured could not be changed: " + applied.error().message);
}

}  // namespace telegen
