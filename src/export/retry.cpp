#include "export/retry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <string>

namespace telegen {
namespace {

constexpr std::array<std::string_view, 17> kGrpcNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

constexpr Duration kLongest = std::chrono::hours(24);

}  // namespace

Duration Backoff::next(std::uint64_t random) {
  const auto base = static_cast<double>(std::min(current_, settings_.max).count());
  const double unit = static_cast<double>(random >> 11) * 0x1.0p-53;  // [0, 1)
  const double varied = base * (1.0 + settings_.jitter * (2.0 * unit - 1.0));
  const auto longest = static_cast<double>(settings_.max.count());
  current_ = Duration(static_cast<std::int64_t>(std::min(base * settings_.multiplier, longest)));
  return Duration(static_cast<std::int64_t>(std::clamp(varied, 0.0, longest)));
}

std::optional<Duration> parse_retry_after(std::string_view value, UnixTime now) {
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  if (value.empty() || value.size() > 64) return std::nullopt;
  if (value.find_first_not_of("0123456789") == std::string_view::npos) {
    std::uint64_t seconds = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (error != std::errc()) return kLongest;  // all digits, so it is only too large
    const auto limit = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(kLongest).count());
    return std::chrono::seconds(std::min(seconds, limit));
  }
  const std::string text(value);
  for (const char* form : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), form, &parts);
    if (end == nullptr || *end != '\0') continue;
    const std::time_t at = ::timegm(&parts);
    const auto now_s = static_cast<std::int64_t>(now.ns / 1'000'000'000ULL);
    if (at <= now_s) return Duration::zero();
    const std::int64_t wait = std::min<std::int64_t>(at - now_s, 24 * 3600);
    return std::chrono::seconds(wait);
  }
  return std::nullopt;
}

bool grpc_retryable(int status, bool has_retry_info) {
  switch (status) {
    case 1:                         // CANCELLED
    case 4:                         // DEADLINE_EXCEEDED
    case 10:                        // ABORTED
    case 11:                        // OUT_OF_RANGE
    case 14:                        // UNAVAILABLE
    case 15: return true;           // DATA_LOSS
    case 8: return has_retry_info;  // RESOURCE_EXHAUSTED
    default: return false;
  }
}

bool http_retryable(long status) { return status == 429 || status == 502 || status == 503 || status == 504; }

std::string grpc_status_name(int status) {
  if (status >= 0 && static_cast<std::size_t>(status) < kGrpcNames.size()) {
    return std::string(kGrpcNames[static_cast<std::size_t>(status)]);
  }
  return "status " + std::to_string(status);
}

}  // namespace telegen
