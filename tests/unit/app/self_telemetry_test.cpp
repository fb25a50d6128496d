// The agent's own log lines on their way to a receiver, with a clock and a receiver that the test holds in its hands.
#include "self_telemetry.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "export/otlp/logs.h"
#include "fake_receiver.h"
#include "version.h"

namespace telegen::app {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{1'000'000'000'000};

struct Rig {
  explicit Rig(std::vector<Signal> signals = {Signal::kLogs}) {
    settings.otlp.logs.batch_timeout = 2s;
    delivery = delivery_to(receiver, Signal::kLogs, std::move(signals), segments, metrics, now);
    own = std::make_unique<SelfTelemetry>(metrics, *tap, *delivery, UnixTime{1});
  }
  ~Rig() { configure_logging(LogLevel::kInfo, "text", "test"); }  // the tap goes, and with it whoever fills it

  // One look at that time, and the receiver's answer to what it sent.
  void tick(Duration since_start) {
    now = (kStart + since_start).ns;
    own->tick(settings, resource, {now}, UnixTime{1});
    EXPECT_TRUE(delivery->flush(5s));
  }
  void log(std::string text, LogLevel level = LogLevel::kInfo, UnixTime time = {1}) const {
    tap->keep({.level = level, .time = time, .process = "worker", .text = std::move(text)});
  }
  LogRecord record(const std::string& text, Severity severity = Severity::kInfo, const std::string& name = "info",
                   UnixTime time = {1}) const {
    LogRecord record;
    record.time = record.observed_time = time;
    record.severity = severity;
    record.severity_text = name;
    record.body = text;
    record.attributes = {{"telegen.process", std::string("worker")}};
    record.resource = resource;
    return record;
  }
  std::vector<std::string> requests() {
    const std::scoped_lock lock(receiver.mutex);
    return receiver.requests;
  }
  Accounting pipeline() const { return delivery->accounts(Signal::kLogs).pipeline; }

  Settings settings;
  ResourcePtr resource = std::make_shared<const Resource>(Resource{{{"service.name", std::string("telegen")}}});
  std::shared_ptr<LogTap> tap = std::make_shared<LogTap>(LogTap::Limits{.lines = 5, .bytes = 10'000});
  OwnMemory segments;
  MetricRegistry metrics;
  std::atomic<std::uint64_t> now = kStart.ns;
  Receiver receiver;
  std::unique_ptr<Delivery> delivery;
  std::unique_ptr<SelfTelemetry> own;
};

std::string encoded(const std::vector<LogRecord>& records) {
  return otlp::encode_logs_prefix(records, {.version = kVersion}, otlp::kMaxRequestBytes).body;
}

TEST(OwnLines, GoOutAsLogRecordsEveryBatchTimeout) {
  Rig rig;
  rig.log("t", LogLevel::kTrace, {11});
  rig.log("d", LogLevel::kDebug, {12});
  rig.log("i", LogLevel::kInfo, {13});
  rig.log("w", LogLevel::kWarn, {14});
  rig.log("e", LogLevel::kError, {15});
  rig.tick(0s);
  const std::vector<std::string> first = {encoded({rig.record("t", static_cast<Severity>(1), "trace", {11}),
                                                   rig.record("d", static_cast<Severity>(5), "debug", {12}),
                                                   rig.record("i", static_cast<Severity>(9), "info", {13}),
                                                   rig.record("w", static_cast<Severity>(13), "warning", {14}),
                                                   rig.record("e", static_cast<Severity>(17), "error", {15})})};
  EXPECT_EQ(rig.requests(), first);
  rig.log("later");
  rig.tick(1s);
  EXPECT_EQ(rig.requests(), first) << "it is not time yet";
  rig.tick(2s);
  rig.tick(4s);
  EXPECT_EQ(rig.requests(), (std::vector<std::string>{first[0], encoded({rig.record("later")})}))
      << "and no request where there is no line";
  EXPECT_EQ(rig.pipeline().received, 6U);
  EXPECT_EQ(rig.pipeline().exported, 6U);
  EXPECT_EQ(rig.delivery->accounts(Signal::kLogs).destinations.at(0).account.exported, 6U);
}

TEST(OwnLines, ARequestHasAtMostABatch) {
  Rig rig;
  rig.settings.otlp.logs.batch_size = 2;
  for (const char* text : {"a", "b", "c"}) rig.log(text);
  rig.tick(0s);
  EXPECT_EQ(rig.requests(),
            (std::vector<std::string>{encoded({rig.record("a"), rig.record("b")}), encoded({rig.record("c")})}));
}

TEST(OwnLines, ALineLargerThanARequestMayBeIsCountedAndTheOthersGo) {
  Rig rig;
  rig.settings.otlp.max_request_size.bytes = 600;
  const std::string large(700, 'x');
  for (const std::string& text : {std::string("a"), large, std::string("b"), large}) rig.log(text);
  rig.tick(0s);
  EXPECT_EQ(rig.requests(), (std::vector<std::string>{encoded({rig.record("a")}), encoded({rig.record("b")})}));
  const Accounting account = rig.pipeline();
  EXPECT_EQ(account.received, 4U);
  EXPECT_EQ(account.exported, 2U);
  EXPECT_EQ(account.dropped_by(DropCause::kOversized), 2U);
  EXPECT_TRUE(account.balanced());
}

TEST(OwnLines, WhatTheTapCouldNotHoldIsCounted) {
  Rig rig;
  for (int i = 0; i < 8; ++i) rig.log(std::to_string(i));
  rig.tick(0s);
  EXPECT_EQ(rig.requests(), (std::vector<std::string>{encoded({rig.record("3"), rig.record("4"), rig.record("5"),
                                                               rig.record("6"), rig.record("7")})}));
  const Accounting account = rig.pipeline();
  EXPECT_EQ(account.received, 8U);
  EXPECT_EQ(account.exported, 5U);
  EXPECT_EQ(account.dropped_by(DropCause::kQueueFull), 3U);
  EXPECT_TRUE(account.balanced());
}

TEST(OwnLines, AreSentBeforeTheEnd) {
  Rig rig;
  rig.tick(0s);
  rig.log("the last words");
  rig.own->finish(rig.settings, rig.resource, kStart + 1s);
  EXPECT_TRUE(rig.delivery->flush(5s));
  EXPECT_EQ(rig.requests(), std::vector<std::string>{encoded({rig.record("the last words")})});
}

TEST(OwnLines, TakeNoMemoryWhereNobodyIsToGetThem) {
  for (const bool wanted : {true, false}) {
    Rig rig(wanted ? std::vector<Signal>{Signal::kTraces} : std::vector<Signal>{Signal::kLogs});
    rig.settings.self_telemetry.export_own = wanted;
    rig.log("unwanted");
    rig.tick(0s);
    rig.own->finish(rig.settings, rig.resource, kStart);
    EXPECT_TRUE(rig.requests().empty());
    EXPECT_TRUE(rig.tap->take().lines.empty());
    EXPECT_EQ(rig.pipeline().received, 0U);
  }
}

// Every refusal is complained of, and the complaint is a line as well.
TEST(OwnLines, AreOfferedSeldomToAReceiverThatTakesNone) {
  Rig rig;
  configure_logging(LogLevel::kInfo, "text", "worker", rig.tap);
  rig.receiver.answer = Permanent{"send to h:1: 404"};
  ::testing::internal::CaptureStderr();
  log_info("the first line");
  for (int second = 0; second < 2700; ++second) rig.tick(std::chrono::seconds(second));
  // The first line; that it was refused; and that again every 15 minutes.
  EXPECT_GE(rig.requests().size(), 3U);
  EXPECT_LE(rig.requests().size(), 5U);
  // Once it takes them, they flow again.
  rig.receiver.answer = Accepted{};
  rig.tick(1h);
  rig.tick(1h + 2s);
  rig.tap->take();
  rig.log("all is well");
  const std::size_t before = rig.requests().size();
  rig.tick(2h);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("the receiver takes no logs"), std::string::npos) << said;
  ASSERT_EQ(rig.requests().size(), before + 1);
  EXPECT_EQ(rig.requests().back(), encoded({rig.record("all is well")}));
}

// A receiver that answers each request with "rejected": what is said of it once a minute is all that there is to send.
TEST(OwnLines, AboutTheSendingOfLinesFeedThemselvesOnceAMinuteAtMost) {
  Rig rig;
  configure_logging(LogLevel::kInfo, "text", "worker", rig.tap);
  rig.receiver.answer = Partial{1, "no"};
  ::testing::internal::CaptureStderr();
  log_info("the first line");
  for (int second = 0; second < 1800; ++second) rig.tick(std::chrono::seconds(second));
  ::testing::internal::GetCapturedStderr();
  EXPECT_GE(rig.requests().size(), 2U) << "the first line, and what was said of its rejection";
  EXPECT_LE(rig.requests().size(), 31U) << "one a minute";
}

}  // namespace
}  // namespace telegen::app
