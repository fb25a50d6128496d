#include <gtest/gtest.h>

#include <thread>

#include "helpers.h"
#include "pipeline/recent_spans.h"
#include "pipeline/span_intake.h"
#include "processing/span_memory.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;
using testing::spans_of;

Time at(Duration d) { return Time{} + d; }

struct Rig {
  SignalLedgers ledgers;
  Ledger& ledger = ledgers.pipeline();
};

TEST(SpanIntake, TakesInOrder) {
  Rig rig;
  SpanIntake intake(rig.ledger);
  intake.push(spans_of(3), at(1s));
  intake.push(spans_of(2, 3), at(2s));
  EXPECT_GT(intake.bytes(), 5 * sizeof(Span));
  const auto clock = [] { return at(100s); };
  const SpanBatch batch = intake.take(4, 1s, clock, {});
  ASSERT_EQ(batch.spans.size(), 4U);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(batch.spans[i].process, i);
  EXPECT_EQ(batch.received, at(1s));
  EXPECT_EQ(intake.take(4, 1s, clock, {}).received, at(2s));
  EXPECT_EQ(intake.waiting(), 0U);
  EXPECT_EQ(intake.bytes(), 0U);
  EXPECT_EQ(rig.ledger.read().received, 5U);
  EXPECT_EQ(rig.ledger.read().held, 5U) << "until somebody says what became of them";
}

TEST(SpanIntake, AboveItsLimitTheOldestGo) {
  Rig rig;
  const std::size_t one = memory_of(spans_of(1)[0]);
  SpanIntake intake(rig.ledger, one * 4 + one / 2);
  intake.push(spans_of(2), at(0s));
  intake.push(spans_of(5, 2), at(1s));
  EXPECT_EQ(rig.ledger.read().dropped_by(DropCause::kQueueFull), 3U);
  EXPECT_LE(intake.bytes(), one * 4 + one / 2);
  const SpanBatch batch = intake.take(9, 0s, [] { return at(9s); }, {});
  ASSERT_EQ(batch.spans.size(), 4U);
  EXPECT_EQ(batch.spans[0].process, 3U);
  EXPECT_TRUE(rig.ledger.read().balanced());
}

TEST(SpanIntake, FlushEndsTheWaitForAFullBatch) {
  Rig rig;
  SpanIntake intake(rig.ledger);
  intake.push(spans_of(3), monotonic_now());
  std::jthread flusher([&intake] {
    std::this_thread::sleep_for(50ms);
    intake.request_flush();
  });
  const Time begin = monotonic_now();
  EXPECT_EQ(intake.take(100, 60s, monotonic_now, {}).spans.size(), 3U);
  EXPECT_LT(monotonic_now() - begin, Duration(10s));
  flusher.join();
  intake.request_flush();
  EXPECT_TRUE(intake.take(100, 60s, monotonic_now, {}).spans.empty()) << "there was nothing to wait for";
}

TEST(SpanIntake, StopEndsTheWaitAndGivesWhatIsThere) {
  Rig rig;
  SpanIntake intake(rig.ledger);
  std::stop_source stop;
  std::jthread stopper([&stop] {
    std::this_thread::sleep_for(20ms);
    stop.request_stop();
  });
  EXPECT_TRUE(intake.take(1, 60s, monotonic_now, stop.get_token()).spans.empty());
  stopper.join();
  intake.push(spans_of(3), monotonic_now());
  EXPECT_EQ(intake.take(100, 60s, monotonic_now, stop.get_token()).spans.size(), 3U);
}

TEST(SpanIntake, AnEmptyOneIsLeftWhenItsTimeHasCome) {
  Rig rig;
  SpanIntake intake(rig.ledger);
  const Time begin = monotonic_now();
  EXPECT_TRUE(intake.take(1, 60s, monotonic_now, {}, begin + 50ms).spans.empty());
  EXPECT_GE(monotonic_now() - begin, Duration(50ms));
}

TEST(RecentSpans, TidyHoldsNoMoreThanItShows) {
  RecentSpans recent(4);
  recent.tidy();
  EXPECT_TRUE(recent.snapshot().empty());
  std::vector<Span> spans = spans_of(10);
  const auto resource = std::make_shared<const Resource>(Resource{{{"service.name", std::string("shop")}}});
  for (Span& span : spans) span.resource = resource;
  auto batch = std::make_shared<const std::vector<Span>>(std::move(spans));
  const std::weak_ptr<const std::vector<Span>> held = batch;
  recent.add(std::move(batch));
  const std::vector<Span> before = recent.snapshot();
  ASSERT_EQ(before.size(), 4U);
  recent.tidy();
  EXPECT_TRUE(held.expired());
  const std::vector<Span> after = recent.snapshot();
  ASSERT_EQ(after.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(after[i].process, before[i].process);
    EXPECT_EQ(after[i].name, before[i].name);
    EXPECT_NE(after[i].resource, resource);
    EXPECT_EQ(after[i].resource, after[0].resource) << "shared as before";
    EXPECT_EQ(after[i].resource->attributes.size(), 1U);
  }
  recent.add(std::make_shared<const std::vector<Span>>(spans_of(1, 20)));
  EXPECT_EQ(recent.snapshot().back().process, 20U);
  EXPECT_EQ(recent.snapshot().front().process, 7U);
}

TEST(RecentSpans, KeepsTheLastOnes) {
  RecentSpans recent(5);
  for (std::uint8_t i = 0; i < 10; i += 2) recent.add(std::make_shared<const std::vector<Span>>(spans_of(2, i)));
  auto seen = recent.snapshot();
  ASSERT_EQ(seen.size(), 5U);
  for (std::uint32_t i = 0; i < 5; ++i) EXPECT_EQ(seen[i].process, 5 + i);
  recent.add(std::make_shared<const std::vector<Span>>(spans_of(50, 100)));
  seen = recent.snapshot();
  ASSERT_EQ(seen.size(), 5U);
  EXPECT_EQ(seen.front().process, 145U);
}

}  // namespace
}  // namespace telegen
