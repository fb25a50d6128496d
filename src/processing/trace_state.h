// OpenTelemetry's member of the W3C tracestate, as far as sampling needs it: `ot=th:<threshold>;rv:<randomness>`.
// Formats: https://www.w3.org/TR/trace-context-2/#tracestate-header and
// https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/. Pure; any bytes are safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace telegen {

// Both are 56-bit numbers. A trace is kept at a threshold T if its randomness R ≥ T; of all traces (2^56 − T) / 2^56
// are.
inline constexpr std::uint64_t kSamplingRange = 1ULL << 56;

struct SamplingState {
  std::optional<std::uint64_t> threshold;   // th
  std::optional<std::uint64_t> randomness;  // rv
};

// Nothing is read from a header that is malformed as a whole, nor from a value that is malformed in itself.
SamplingState parse_sampling_state(std::string_view trace_state);

// `trace_state` with this threshold, or without one; other sub-keys and other vendors' members stay as they are, and
// OpenTelemetry's becomes the first, as the one changed last. Beyond 32 members the last is dropped. A header that is
// malformed, and one whose member would be longer than 256 bytes, is returned as it is.
std::string with_threshold(std::string_view trace_state, std::optional<std::uint64_t> threshold);

}  // namespace telegen
