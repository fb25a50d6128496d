// The part of `agent.tracing` that is about traces, not protocols.
#pragma once

#include <string>

#include "base/settings.h"

namespace telegen {

struct TracingSettings {
  std::string propagation = "local";  // local | off
};

// Visits keys inside the section `agent.tracing`.
void describe(SettingsVisitor& visitor, TracingSettings& settings);

}  // namespace telegen
