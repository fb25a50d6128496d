// Points in time as plain values. Nothing below the wiring reads a clock: time is an argument.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace telegen {

using Duration = std::chrono::nanoseconds;

// CLOCK_MONOTONIC, the clock of every kernel event (bpf_ktime_get_ns).
struct Time {
  std::uint64_t ns = 0;
  auto operator<=>(const Time&) const = default;
};

// Nanoseconds since the Unix epoch, the clock of everything exported.
struct UnixTime {
  std::uint64_t ns = 0;
  auto operator<=>(const UnixTime&) const = default;
};

inline Time operator+(Time t, Duration d) { return {t.ns + static_cast<std::uint64_t>(d.count())}; }
inline Duration operator-(Time a, Time b) { return Duration(static_cast<std::int64_t>(a.ns - b.ns)); }

// Monotonic to Unix time. The offset moves when the wall clock is set, so the wiring measures it again every few
// seconds.
struct ClockOffset {
  std::int64_t ns = 0;
  UnixTime to_unix(Time t) const { return {t.ns + static_cast<std::uint64_t>(ns)}; }
};

Time monotonic_now();
UnixTime unix_now();
ClockOffset measure_clock_offset();

}  // namespace telegen
