// telegen.log_level, which the configuration has checked, as a value.
#pragma once

#include <string_view>

#include "base/log.h"

namespace telegen::app {

inline LogLevel log_level_of(std::string_view name) {
  if (name == "trace") return LogLevel::kTrace;
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warn") return LogLevel::kWarn;
  if (name == "error") return LogLevel::kError;
  if (name == "off") return LogLevel::kOff;
  return LogLevel::kInfo;
}

}  // namespace telegen::app
