// What the whole agent uses of what it may use. Reads files each time it is asked: once a second, not more.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/time.h"
#include "governor/cgroup.h"
#include "governor/process_costs.h"

namespace telegen {

// How usage is measured; either may be unable to tell.
struct UsageSources {
  std::function<std::optional<std::uint64_t>()> memory_bytes;  // what counts towards the limit
  std::function<std::optional<Duration>()> cpu;                // of loader and worker since they started
};

// Memory: where the control group has a limit, what is charged to it, kernel memory (maps, the ring) included; else
// what loader and worker have in RAM, of which the ring is a part once the worker has mapped it.
UsageSources agent_usage(const EnvironmentLimits& environment, const CgroupFiles& files,
                         const AgentProcesses& processes);

}  // namespace telegen
