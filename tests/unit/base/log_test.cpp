// Log lines as values: every field, the bounds, and many threads.
#include "base/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"

namespace telegen {
namespace {

LogLine line_of(std::string text) {
  return {.level = LogLevel::kInfo, .time = {1}, .process = "test", .text = std::move(text)};
}

std::vector<std::string> texts_of(const LogTap::Taken& taken) {
  std::vector<std::string> texts;
  texts.reserve(taken.lines.size());
  for (const LogLine& line : taken.lines) texts.push_back(line.text);
  return texts;
}

TEST(LogTap, HasEveryLineThatIsWrittenAsItIs) {
  const auto tap = std::make_shared<LogTap>();
  configure_logging(LogLevel::kInfo, "json", "mapper", tap);
  const UnixTime before = unix_now();
  ::testing::internal::CaptureStderr();
  log_debug("below the level");
  log_info("a \"quoted\" {} text\nof two lines");
  log_warn("a warning");
  log_error("an error");
  const std::string written = ::testing::internal::GetCapturedStderr();
  const LogTap::Taken taken = tap->take();
  EXPECT_EQ(taken.dropped, 0U);
  EXPECT_EQ(texts_of(taken), (std::vector<std::string>{"a \"quoted\" {} text\nof two lines", "a warning", "an error"}));
  constexpr std::array kLevels = {LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError};
  UnixTime last = before;
  for (std::size_t i = 0; i < taken.lines.size(); ++i) {
    const LogLine& line = taken.lines[i];
    EXPECT_EQ(line.level, kLevels.at(i));
    EXPECT_EQ(line.process, "mapper");
    EXPECT_GE(line.time, last);
    last = line.time;
    EXPECT_NE(written.find(std::string(R"("level":")").append(to_text(line.level)).append("\"")), std::string::npos)
        << "the level is spelt as in the written line: " << written;
  }
  EXPECT_LE(last, unix_now());
  EXPECT_TRUE(tap->take().lines.empty()) << "a line is taken once";
}

TEST(LogTap, ALineThatIsNotWrittenIsNotKept) {
  const auto tap = std::make_shared<LogTap>();
  configure_logging(LogLevel::kOff, "text", "silent", tap);
  log_error("nobody hears it");
  EXPECT_TRUE(tap->take().lines.empty());
}

TEST(LogTap, TheOldestLinesGoWhereThereAreTooMany) {
  LogTap tap({.lines = 2, .bytes = 100});
  for (const char* text : {"first", "second", "third", "fourth"}) tap.keep(line_of(text));
  const LogTap::Taken taken = tap.take();
  EXPECT_EQ(texts_of(taken), (std::vector<std::string>{"third", "fourth"}));
  EXPECT_EQ(taken.dropped, 2U);
  EXPECT_EQ(tap.take().dropped, 0U) << "each is counted once";
}

TEST(LogTap, ALineLargerThanAllMayBeGoesAlone) {
  LogTap tap({.lines = 10, .bytes = 8});
  tap.keep(line_of("1234"));
  tap.keep(line_of("123456789"));
  tap.keep(line_of("5678"));
  const LogTap::Taken taken = tap.take();
  EXPECT_EQ(texts_of(taken), (std::vector<std::string>{"1234", "5678"}));
  EXPECT_EQ(taken.dropped, 1U);
}

// For any lines and limits: within the limits, the newest ones without a hole, and none lost without being counted.
TEST(LogTap, HoldsTheNewestLinesThatFit) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    const LogTap::Limits limits{.lines = 1 + random.next() % 20, .bytes = 1 + random.next() % 200};
    LogTap tap(limits);
    std::vector<std::string> fitting;
    const std::size_t count = random.next() % 60;
    for (std::size_t i = 0; i < count; ++i) {
      std::string text(random.next() % 40, static_cast<char>('a' + i % 26));
      if (text.size() <= limits.bytes) fitting.push_back(text);
      tap.keep(line_of(std::move(text)));
    }
    const LogTap::Taken taken = tap.take();
    const std::vector<std::string> texts = texts_of(taken);
    std::size_t bytes = 0;
    for (const std::string& text : texts) bytes += text.size();
    ASSERT_LE(texts.size(), limits.lines) << "seed " << seed;
    ASSERT_LE(bytes, limits.bytes) << "seed " << seed;
    ASSERT_EQ(texts.size() + taken.dropped, count) << "seed " << seed;
    const auto first = fitting.end() - static_cast<std::ptrdiff_t>(texts.size());
    ASSERT_TRUE(std::equal(texts.begin(), texts.end(), first)) << "seed " << seed;
    ASSERT_EQ(texts.empty(), fitting.empty()) << "the newest that fits is held; seed " << seed;
    const std::size_t all = std::transform_reduce(fitting.begin(), fitting.end(), std::size_t{0}, std::plus{},
                                                  [](const std::string& text) { return text.size(); });
    if (fitting.size() <= limits.lines && all <= limits.bytes) {
      ASSERT_EQ(texts, fitting) << "seed " << seed;
    }
  }
}

TEST(LogTap, LosesNothingUncountedWhileManyThreadsWriteAndOneTakes) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kLines = 2000;
  LogTap tap({.lines = 64, .bytes = 4096});
  std::atomic<std::size_t> finished = 0;  // writers
  std::size_t taken = 0;
  std::uint64_t dropped = 0;
  std::map<std::string, std::uint64_t> last;  // of each writer
  const auto take = [&] {
    const LogTap::Taken some = tap.take();
    dropped += some.dropped;
    taken += some.lines.size();
    for (const LogLine& line : some.lines) {
      EXPECT_GT(line.time.ns, last[line.process]) << "in the order in which they were written";
      last[line.process] = line.time.ns;
    }
  };
  {
    std::vector<std::jthread> writers;
    writers.reserve(kThreads);
    for (std::size_t writer = 0; writer < kThreads; ++writer) {
      writers.emplace_back([&, writer] {
        for (std::size_t i = 1; i <= kLines; ++i) {
          tap.keep({.level = LogLevel::kWarn, .time = {i}, .process = std::to_string(writer), .text = "a line"});
        }
        ++finished;
      });
    }
    while (finished < kThreads) take();
  }
  take();
  EXPECT_EQ(taken + dropped, kThreads * kLines);
  EXPECT_FALSE(last.empty());
}

}  // namespace
}  // namespace telegen
