// What the agent's own processes cost: CPU time by thread, memory. Read from /proc (proc(5)) when somebody asks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "base/time.h"

namespace telegen {

// /proc/<pid>/task/<tid>/stat: the name that the thread gave itself and the CPU time that it has used, in clock ticks.
struct ThreadStat {
  std::string name;
  std::uint64_t ticks = 0;  // in user space and in the kernel
};
std::optional<ThreadStat> parse_thread_stat(std::string_view text);

// /proc/<pid>/status: VmRSS and VmHWM.
struct ResidentMemory {
  std::uint64_t bytes = 0;  // now
  std::uint64_t peak_bytes = 0;
};
std::optional<ResidentMemory> parse_resident_memory(std::string_view text);

std::optional<ResidentMemory> read_resident_memory(const std::string& proc, std::uint32_t pid);  // proc: "/proc"
// CPU time of all threads of a process, ended ones included; nothing if there is no such process.
std::optional<Duration> process_cpu_time(std::uint32_t pid);

struct AgentProcesses {
  std::string proc = "/proc";
  std::uint32_t worker = 0;  // pids
  std::uint32_t loader = 0;
  std::uint64_t ticks_per_second = 100;  // sysconf(_SC_CLK_TCK)
};

// telegen_cpu_seconds_total{thread}, telegen_process_resident_bytes{process},
// telegen_process_resident_peak_bytes{process}. A thread is known by the name that it gives itself; what has another or
// none is `other`, the main thread is `main`, and the loader's only one is `loader`. Any thread may ask.
class ProcessCosts {
 public:
  ProcessCosts(AgentProcesses processes, std::function<Time()> clock);
  // `registry` must not be asked after this object is gone.
  void expose(MetricRegistry& registry);

 private:
  double cpu_seconds(std::string_view thread);
  double resident(std::uint32_t pid, bool peak) const;
  void refresh();
  void read_threads(std::uint32_t pid);

  AgentProcesses processes_;
  std::function<Time()> clock_;
  std::mutex mutex_;
  std::optional<Time> read_at_;
  std::map<std::string, std::uint64_t, std::less<>> ticks_;  // by name; of ended threads too, so it never falls
  std::map<std::uint32_t, std::uint64_t> last_;              // ticks by tid, when last read
};

}  // namespace telegen
