#include "governor/process_costs.h"

#include <time.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "governor/parse_number.h"

namespace telegen {
namespace {

// The names under which threads of the worker are counted; what else runs is kOther.
constexpr const char* kThreads[] = {"main", "ring", "discovery", "batcher", "sender", "api", "loader", "other"};
constexpr std::string_view kOther = "other";
// One page of /metrics asks for each thread in turn, and gets one reading.
constexpr Duration kOneReading = std::chrono::milliseconds(200);

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::optional<std::uint64_t> parse_kilobytes(std::string_view status, std::string_view key) {
  const auto at = status.starts_with(key) ? 0 : status.find("\n" + std::string(key));
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view line = status.substr(at + (at == 0 ? 0 : 1));
  line = line.substr(key.size(), line.find('\n') - key.size());
  const auto first = line.find_first_not_of(" \t");
  const auto unit = line.find(" kB");
  if (first == std::string_view::npos || unit == std::string_view::npos || unit <= first) return std::nullopt;
  const auto value = parse_number<std::uint64_t>(line.substr(first, unit - first));
  if (!value) return std::nullopt;
  return *value * 1024;
}

}  // namespace

std::optional<ThreadStat> parse_thread_stat(std::string_view text) {
  constexpr int kUserTime = 14;  // fields of proc(5), counted from 1; the third follows the name
  constexpr int kSystemTime = 15;
  const auto open = text.find('(');
  const auto close = text.rfind(')');  // a name may hold parentheses
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  ThreadStat stat{.name = std::string(text.substr(open + 1, close - open - 1))};
  std::string_view rest = text.substr(close + 1);
  for (int field = 3; field <= kSystemTime; ++field) {
    if (rest.empty() || rest.front() != ' ') return std::nullopt;
    rest.remove_prefix(1);
    const std::string_view value = rest.substr(0, rest.find_first_of(" \n"));
    rest.remove_prefix(value.size());
    if (field < kUserTime) continue;
    const auto ticks = parse_number<std::uint64_t>(value);
    if (!ticks) return std::nullopt;
    stat.ticks += *ticks;
  }
  return stat;
}

std::optional<ResidentMemory> parse_resident_memory(std::string_view text) {
  const auto now = parse_kilobytes(text, "VmRSS:");
  const auto peak = parse_kilobytes(text, "VmHWM:");
  if (!now || !peak) return std::nullopt;
  return ResidentMemory{*now, *peak};
}

std::optional<ResidentMemory> read_resident_memory(const std::string& proc, std::uint32_t pid) {
  const auto text = read_file(proc + "/" + std::to_string(pid) + "/status");
  return text ? parse_resident_memory(*text) : std::nullopt;
}

std::optional<Duration> process_cpu_time(std::uint32_t pid) {
  // The clock's number is made of the pid: 0 is the caller's own, and what is too large would name another process.
  constexpr std::uint32_t kPidLimit = 1 << 22;  // include/linux/threads.h, PID_MAX_LIMIT
  if (pid == 0 || pid >= kPidLimit) return std::nullopt;
  clockid_t clock{};
  timespec spent{};
  if (::clock_getcpuclockid(static_cast<pid_t>(pid), &clock) != 0 || ::clock_gettime(clock, &spent) != 0) {
    return std::nullopt;
  }
  return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

ProcessCosts::ProcessCosts(AgentProcesses processes, std::function<Time()> clock)
    : processes_(std::move(processes)), clock_(std::move(clock)) {}

void ProcessCosts::read_threads(std::uint32_t pid) {
  std::error_code error;
  const std::string folder = processes_.proc + "/" + std::to_string(pid) + "/task";
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const auto tid = parse_number<std::uint32_t>(entry->path().filename().native());
    const auto text = tid ? read_file(entry->path().native() + "/stat") : std::nullopt;
    const auto stat = text ? parse_thread_stat(*text) : std::nullopt;
    if (!stat) continue;  // it has ended meanwhile
    std::string_view name = kOther;
    if (*tid == processes_.worker)
      name = "main";
    else if (pid == processes_.loader)
      name = "loader";
    else if (std::ranges::find(kThreads, stat->name) != std::end(kThreads))
      name = stat->name;
    std::uint64_t& last = last_[*tid];
    // Less than before: another thread with the number of one that ended.
    ticks_[std::string(name)] += stat->ticks >= last ? stat->ticks - last : stat->ticks;
    last = stat->ticks;
  }
}

void ProcessCosts::refresh() {
  const Time now = clock_();
  if (read_at_ && now - *read_at_ < kOneReading) return;
  read_at_ = now;
  read_threads(processes_.worker);
  if (processes_.loader != 0) read_threads(processes_.loader);
}

double ProcessCosts::cpu_seconds(std::string_view thread) {
  const std::scoped_lock lock(mutex_);
  refresh();
  const auto found = ticks_.find(thread);
  if (found == ticks_.end()) return 0;
  return static_cast<double>(found->second) / static_cast<double>(processes_.ticks_per_second);
}

double ProcessCosts::resident(std::uint32_t pid, bool peak) const {
  const auto memory = read_resident_memory(processes_.proc, pid);
  if (!memory) return 0;
  return static_cast<double>(peak ? memory->peak_bytes : memory->bytes);
}

void ProcessCosts::expose(MetricRegistry& registry) {
  for (const char* thread : kThreads) {
    registry.observe("telegen_cpu_seconds_total", "CPU time of the agent's own threads.", MetricKind::kCounter,
                     {{"thread", thread}}, [this, thread] { return cpu_seconds(thread); });
  }
  const std::pair<const char*, std::uint32_t> processes[] = {{"worker", processes_.worker},
                                                             {"loader", processes_.loader}};
  for (const auto& [name, pid] : processes) {
    if (pid == 0) continue;
    registry.observe("telegen_process_resident_bytes", "Memory of the process that is in RAM.", MetricKind::kGauge,
                     {{"process", name}}, [this, pid = pid] { return resident(pid, false); });
    registry.observe("telegen_process_resident_peak_bytes", "The most that it was since the process started.",
                     MetricKind::kGauge, {{"process", name}}, [this, pid = pid] { return resident(pid, true); });
  }
}

}  // namespace telegen
