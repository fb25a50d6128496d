#include "governor/settings.h"

#include <algorithm>

namespace telegen {

void describe(SettingsVisitor& visitor, ResourceSettings& settings) {
  visitor.field("memory_limit", settings.memory_limit,
                "Most memory of the whole agent. What it may hold is scaled to fit, and near the limit it captures "
                "less, then fewer spans, then nothing for a while. 0: the limit of its control group, if it has one.",
                {.min = 0, .max = 1024.0 * 1024 * 1024 * 1024});
  visitor.field("cpu_limit", settings.cpu_limit,
                "Most CPU time of the agent's own processes, in cores: 0.2 is a fifth of one. Near it the agent does "
                "less, in the same order as for memory. 0: no limit.",
                {.min = 0, .max = 1024});
}

EnvironmentLimits effective_limits(const ResourceSettings& settings, const EnvironmentLimits& environment) {
  EnvironmentLimits limits{.memory_bytes = environment.memory_bytes, .cpus = std::nullopt};
  if (const std::uint64_t wanted = settings.memory_limit.bytes; wanted > 0) {
    limits.memory_bytes = std::min(wanted, environment.memory_bytes.value_or(wanted));
  }
  if (settings.cpu_limit > 0) limits.cpus = std::min(settings.cpu_limit, environment.cpus.value_or(settings.cpu_limit));
  return limits;
}

}  // namespace telegen
