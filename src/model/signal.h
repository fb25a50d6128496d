// The kinds of telemetry, each with its own path to the receiver (opentelemetry-proto: one service a signal).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace telegen {

enum class Signal : std::uint8_t { kTraces, kMetrics, kLogs, kProfiles };
constexpr std::size_t kSignals = 4;
constexpr std::array<Signal, kSignals> kAllSignals = {Signal::kTraces, Signal::kMetrics, Signal::kLogs,
                                                      Signal::kProfiles};

constexpr std::string_view to_text(Signal signal) {
  constexpr std::array<std::string_view, kSignals> kNames = {"traces", "metrics", "logs", "profiles"};
  return kNames[static_cast<std::size_t>(signal)];
}

constexpr std::size_t index_of(Signal signal) { return static_cast<std::size_t>(signal); }

}  // namespace telegen
