// The bounds of FieldRules in words: "1 to 65535", "4Ki to 64Mi", "at least 1ms".
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "control/config/scalar.h"

namespace telegen::config {

inline constexpr double kBoundless = 9e15;  // a bound that large only says that there is none

inline std::string print_number_bound(double bound) { return to_text(bound); }
inline std::string print_integer_bound(double bound) { return std::to_string(std::llround(bound)); }
inline std::string print_size_bound(double bound) { return to_text(ByteSize{static_cast<std::uint64_t>(bound)}); }
inline std::string print_duration_bound(double seconds) {
  return to_text(Duration(static_cast<std::int64_t>(std::llround(seconds * 1e9))));
}

inline std::string bounds_text(double min, double max, std::string (*print)(double)) {
  if (max >= kBoundless) return "at least " + print(min);
  if (min <= -kBoundless) return "at most " + print(max);
  return print(min) + " to " + print(max);
}

}  // namespace telegen::config
