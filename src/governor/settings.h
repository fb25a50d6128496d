// agent.resources: what the agent itself may use.
#pragma once

#include "base/settings.h"
#include "governor/cgroup.h"

namespace telegen {

struct ResourceSettings {
  ByteSize memory_limit;  // 0: what the control group says
  double cpu_limit = 0;   // cores; 0: none
};

void describe(SettingsVisitor& visitor, ResourceSettings& settings);

// What holds: a limit of the environment is never widened. Of CPU time none is assumed where none is configured: the
// kernel slows down what exceeds its quota, and that alone harms nobody else.
EnvironmentLimits effective_limits(const ResourceSettings& settings, const EnvironmentLimits& environment);

}  // namespace telegen
