#include "governor/usage.h"

namespace telegen {
namespace {

template <class Read>
auto sum_of_both(const AgentProcesses& processes, const Read& read) {
  auto sum = read(processes.worker);
  if (sum && processes.loader != 0) {
    const auto other = read(processes.loader);
    if (!other) return decltype(sum){};
    *sum += *other;
  }
  return sum;
}

}  // namespace

UsageSources agent_usage(const EnvironmentLimits& environment, const CgroupFiles& files,
                         const AgentProcesses& processes) {
  UsageSources sources;
  if (environment.memory_bytes) {
    sources.memory_bytes = [files] { return read_memory_in_use(files); };
  } else {
    sources.memory_bytes = [processes] {
      return sum_of_both(processes, [&](std::uint32_t pid) {
        const auto memory = read_resident_memory(processes.proc, pid);
        return memory ? std::optional(memory->bytes) : std::nullopt;
      });
    };
  }
  sources.cpu = [processes] { return sum_of_both(processes, process_cpu_time); };
  return sources;
}

}  // namespace telegen
