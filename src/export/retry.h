// When to try again: pure functions, no clock and no generator of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "export/settings.h"

namespace telegen {

// Exponential waits with jitter: initial, initial*multiplier, … max, each varied by ±jitter.
class Backoff {
 public:
  explicit Backoff(const BackoffSettings& settings) : settings_(settings), current_(settings.initial) {}
  // `random` is uniform over 64 bits. Never negative and, jitter included, never above max.
  Duration next(std::uint64_t random);
  void reset() { current_ = settings_.initial; }

 private:
  BackoffSettings settings_;
  Duration current_;
};

// Retry-After (RFC 9110, 10.2.3): seconds, or one of the three forms of an HTTP date (5.6.7). A date that has passed is
// zero. Nothing for text that is neither. At most a day.
std::optional<Duration> parse_retry_after(std::string_view value, UnixTime now);

// The OTLP specification's table: CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS, and
// RESOURCE_EXHAUSTED only if the answer carries RetryInfo.
bool grpc_retryable(int status, bool has_retry_info);
// 429, 502, 503, 504.
bool http_retryable(long status);

// "UNAVAILABLE"; "status 42" for codes that gRPC does not define.
std::string grpc_status_name(int status);

}  // namespace telegen
