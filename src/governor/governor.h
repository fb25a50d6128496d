// Keeps the agent within its memory and CPU limits by giving things up in a stated order (ladder.h), and takes them
// back. A pure state machine: told once a second what is in use, it says what is to be in force. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "governor/driver.h"
#include "governor/ladder.h"

namespace telegen {

struct GovernorLimits {
  std::optional<std::uint64_t> memory_bytes;
  std::optional<double> cpus;       // cores
  std::uint32_t capture_bytes = 0;  // as configured: what is captured while nothing is given up
};

struct ResourceUsage {
  Time now;
  std::optional<std::uint64_t> memory_bytes;  // what counts towards the limit, without what can be reclaimed
  std::optional<Duration> cpu;                // of loader and worker since they started
};

enum class Pressure : std::uint8_t { kNone, kMemory, kCpu };
std::string_view to_text(Pressure pressure);  // "none", "memory", "cpu"

class Governor {
 public:
  explicit Governor(const GovernorLimits& limits);

  // Once a second. Where something was not measured, its limit holds what it held. Returns true if the step changed.
  bool update(const ResourceUsage& usage);
  const DegradationStep& step() const { return ladder_[index()]; }
  // What asks for this step; memory where both do.
  Pressure pressure() const;

 private:
  std::size_t index() const { return std::max(memory_.step(), cpu_.step()); }
  void update_memory(const ResourceUsage& usage);
  void update_cpu(const ResourceUsage& usage);

  GovernorLimits limits_;
  std::vector<DegradationStep> ladder_;
  ResourceDriver memory_;
  ResourceDriver cpu_;
  std::optional<ResourceUsage> last_;
};

}  // namespace telegen
