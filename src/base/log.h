// Logging of the agent itself, to standard error. Never one line per event: what repeats goes through RepeatedLog.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace telegen {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError, kOff };

// Configures the process's one sink (thread safe). `format` is "text" or "json". Call once, from main.
void configure_logging(LogLevel level, std::string_view format, std::string_view process_name);

void log_debug(std::string_view message);
void log_info(std::string_view message);
void log_warn(std::string_view message);
void log_error(std::string_view message);

// The same complaint at most once a minute, with the number of times it came up since. One thread at a time.
class RepeatedLog {
 public:
  explicit RepeatedLog(Duration interval = std::chrono::minutes(1)) : interval_(interval) {}
  void warn(Time now, std::string_view message);

 private:
  Duration interval_;
  Time last_{};
  std::uint64_t since_ = 0;
  bool spoke_ = false;
};

}  // namespace telegen
