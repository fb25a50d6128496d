#include "base/time.h"

#include <ctime>

namespace telegen {
namespace {

std::uint64_t read_clock(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000ULL + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

Time monotonic_now() { return {read_clock(CLOCK_MONOTONIC)}; }
UnixTime unix_now() { return {read_clock(CLOCK_REALTIME)}; }

// The reading with the shortest bracket is the one least disturbed by preemption.
ClockOffset measure_clock_offset() {
  ClockOffset best;
  std::uint64_t shortest = UINT64_MAX;
  for (int i = 0; i < 5; ++i) {
    const std::uint64_t before = read_clock(CLOCK_MONOTONIC);
    const std::uint64_t wall = read_clock(CLOCK_REALTIME);
    const std::uint64_t after = read_clock(CLOCK_MONOTONIC);
    if (after - before >= shortest) continue;
    shortest = after - before;
    best.ns = static_cast<std::int64_t>(wall - (before + (after - before) / 2));
  }
  return best;
}

}  // namespace telegen
