#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <string>
#include <utility>

namespace telegen {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace: return spdlog::level::trace;
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarn: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
    case LogLevel::kOff: return spdlog::level::off;
  }
  return spdlog::level::info;
}

LogLevel from_spdlog(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace: return LogLevel::kTrace;
    case spdlog::level::debug: return LogLevel::kDebug;
    case spdlog::level::info: return LogLevel::kInfo;
    case spdlog::level::warn: return LogLevel::kWarn;
    case spdlog::level::off: return LogLevel::kOff;
    default: return LogLevel::kError;
  }
}

UnixTime unix_time(spdlog::log_clock::time_point time) {
  return {static_cast<std::uint64_t>(std::chrono::nanoseconds(time.time_since_epoch()).count())};
}

std::string text_of(spdlog::string_view_t text) { return {text.data(), text.size()}; }

// Lines as values. They have no pattern, and LogTap has a lock of its own.
class TapSink final : public spdlog::sinks::sink {
 public:
  explicit TapSink(std::shared_ptr<LogTap> tap) : tap_(std::move(tap)) {}
  void log(const spdlog::details::log_msg& message) override {
    tap_->keep({.level = from_spdlog(message.level),
                .time = unix_time(message.time),
                .process = text_of(message.logger_name),
                .text = text_of(message.payload)});
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  std::shared_ptr<LogTap> tap_;
};

// JSON lines need their message escaped, which a pattern alone does not do.
class JsonText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    constexpr char kHex[] = "0123456789abcdef";
    for (const char c : message.payload) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        out.push_back('\\');
        out.push_back(c);
      } else if (byte < 0x20) {
        for (const char e : {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]}) out.push_back(e);
      } else {
        out.push_back(c);
      }
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonText>(); }
};

}  // namespace

std::string_view to_text(LogLevel level) {
  const spdlog::string_view_t text = spdlog::level::to_string_view(to_spdlog(level));
  return {text.data(), text.size()};
}

void LogTap::keep(LogLine line) {
  const std::scoped_lock lock(mutex_);
  std::deque<LogLine>& lines = held_.lines;
  if (line.text.size() > limits_.bytes || limits_.lines == 0) {
    ++held_.dropped;
    return;
  }
  while (lines.size() >= limits_.lines || bytes_ + line.text.size() > limits_.bytes) {
    bytes_ -= lines.front().text.size();
    lines.pop_front();
    ++held_.dropped;
  }
  bytes_ += line.text.size();
  lines.push_back(std::move(line));
}

LogTap::Taken LogTap::take() {
  const std::scoped_lock lock(mutex_);
  bytes_ = 0;
  return std::exchange(held_, {});
}

void configure_logging(LogLevel level, std::string_view format, std::string_view process_name,
                       std::shared_ptr<LogTap> tap) {
  auto logger = std::make_shared<spdlog::logger>(std::string(process_name),
                                                 std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  if (tap) logger->sinks().push_back(std::make_shared<TapSink>(std::move(tap)));
  if (format == "json") {
    auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    formatter->add_flag<JsonText>('*').set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","process":"%n","pid":%P,"message":"%*"})");
    logger->set_formatter(std::move(formatter));
  } else {
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ [%n] %v", spdlog::pattern_time_type::utc);
  }
  logger->set_level(to_spdlog(level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

void log_debug(std::string_view message) { spdlog::debug("{}", message); }
void log_info(std::string_view message) { spdlog::info("{}", message); }
void log_warn(std::string_view message) { spdlog::warn("{}", message); }
void log_error(std::string_view message) { spdlog::error("{}", message); }

void RepeatedLog::warn(Time now, std::string_view message) {
  ++since_;
  if (spoke_ && now - last_ < interval_) return;
  if (since_ > 1) {
    log_warn(std::string(message) + " (" + std::to_string(since_) + " times since it was last said)");
  } else {
    log_warn(message);
  }
  spoke_ = true;
  last_ = now;
  since_ = 0;
}

}  // namespace telegen
