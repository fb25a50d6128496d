// Logging of the agent itself, to standard error. Never one line per event: what repeats goes through RepeatedLog.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/time.h"

namespace telegen {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError, kOff };
std::string_view to_text(LogLevel level);  // as written lines spell it

// A line as it was written.
struct LogLine {
  LogLevel level;
  UnixTime time;
  std::string process;  // the name that configure_logging was given
  std::string text;
};

// Keeps the lines that are written, until they are taken. What does not fit makes the oldest go. Thread safe; writes no
// line itself, and takes no lock but its own.
class LogTap {
 public:
  struct Limits {
    std::size_t lines = 1000;
    std::size_t bytes = 256 << 10;  // of their texts
  };
  struct Taken {
    std::deque<LogLine> lines;  // the oldest first
    std::uint64_t dropped = 0;  // since the last call
  };
  LogTap() : LogTap(Limits{}) {}
  explicit LogTap(Limits limits) : limits_(limits) {}
  void keep(LogLine line);
  Taken take();

 private:
  const Limits limits_;
  std::mutex mutex_;
  Taken held_;
  std::size_t bytes_ = 0;
};

// Configures where the process's lines go (thread safe). `format` is "text" or "json". Call once, from main. Where
// `tap` is given it gets each line that is written; shared, because any thread may log as long as the process lives.
void configure_logging(LogLevel level, std::string_view format, std::string_view process_name,
                       std::shared_ptr<LogTap> tap = nullptr);

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
