#include "governor/governor.h"

namespace telegen {
namespace {

constexpr Duration kLongestPause = std::chrono::seconds(10);  // between two samples that belong together

}  // namespace

std::string_view to_text(Pressure pressure) {
  switch (pressure) {
    case Pressure::kNone: return "none";
    case Pressure::kMemory: return "memory";
    case Pressure::kCpu: return "cpu";
  }
  return "unknown";
}

Governor::Governor(const GovernorLimits& limits)
    : limits_(limits),
      ladder_(make_ladder(limits.capture_bytes)),
      memory_(memory_rules(), ladder_),
      cpu_(cpu_rules(), ladder_) {}

bool Governor::update(const ResourceUsage& usage) {
  const std::size_t before = index();
  if (last_ && usage.now - last_->now > kLongestPause) {
    memory_.forget_samples();
    cpu_.forget_samples();
    last_.reset();
  }
  update_memory(usage);
  update_cpu(usage);
  last_ = usage;
  return index() != before;
}

void Governor::update_memory(const ResourceUsage& usage) {
  if (!limits_.memory_bytes || *limits_.memory_bytes == 0 || !usage.memory_bytes) return;
  memory_.update(usage.now, static_cast<double>(*usage.memory_bytes) / static_cast<double>(*limits_.memory_bytes));
}

void Governor::update_cpu(const ResourceUsage& usage) {
  if (!limits_.cpus || *limits_.cpus <= 0 || !last_ || !last_->cpu || !usage.cpu) return;
  const Duration spent = *usage.cpu - *last_->cpu;
  const Duration passed = usage.now - last_->now;
  if (spent < Duration::zero() || passed <= Duration::zero()) return;  // a process was replaced by another
  cpu_.update(usage.now, std::chrono::duration<double>(spent) / std::chrono::duration<double>(passed) / *limits_.cpus);
}

Pressure Governor::pressure() const {
  if (index() == 0) return Pressure::kNone;
  return memory_.step() == index() ? Pressure::kMemory : Pressure::kCpu;
}

}  // namespace telegen
