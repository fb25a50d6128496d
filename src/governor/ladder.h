// What the agent gives up, step by step, to use less: first the length of what is captured, then everything but the
// heads, then spans, then new captures at all. Pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace telegen {

enum class Degradation : std::uint8_t {
  kNone = 0,
  kLessCapture = 1,   // of each turn's head half as much, and half of that again
  kHeadsOnly = 2,     // kHeadBytes: request and status line, the headers, no body
  kLessSampling = 3,  // of the spans half as many, a quarter, …
  kSuspended = 4,     // no transfer is captured; processes and connections are followed
};
std::string_view to_text(Degradation level);  // "none", "less_capture", "heads_only", "less_sampling", "suspended"

constexpr std::uint32_t kHeadBytes = 512;

// What is in force on one step: the settings of the three knobs.
struct DegradationStep {
  Degradation level = Degradation::kNone;
  std::uint32_t capture_bytes = 0;  // for the loader; 0: suspended
  double sampling_scale = 1;        // what the sampler's rate is multiplied by
  bool operator==(const DegradationStep&) const = default;
};

// From nothing given up to everything. With a configured capture of kHeadBytes or less nothing can be gained from
// capturing less, and those steps are left out.
std::vector<DegradationStep> make_ladder(std::uint32_t configured_capture_bytes);

}  // namespace telegen
