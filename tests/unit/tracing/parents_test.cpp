// Parents without headers: adopted where only one can be meant, else not at all.
#include "tracing/parents.h"

#include <gtest/gtest.h>

namespace telegen {
namespace {

constexpr Time kNow{1'000'000'000};

TEST(ThreadActivity, TheOnlyOpenRequestIsTheCause) {
  ThreadActivity threads;
  threads.serving(7, 1, 10, kNow);
  threads.other_activity(7);
  const auto cause = threads.cause(7, kNow);
  ASSERT_TRUE(cause.has_value());
  EXPECT_EQ(cause->connection, 1U);
  EXPECT_EQ(cause->number, 10U);
  EXPECT_FALSE(threads.cause(8, kNow).has_value()) << "another thread";
}

TEST(ThreadActivity, OfSeveralOnlyTheOneReadDirectlyBefore) {
  ThreadActivity threads;
  threads.serving(7, 1, 10, kNow);
  threads.serving(7, 2, 20, kNow);
  ASSERT_TRUE(threads.cause(7, kNow).has_value());
  EXPECT_EQ(threads.cause(7, kNow)->connection, 2U);
  threads.other_activity(7);
  EXPECT_FALSE(threads.cause(7, kNow).has_value()) << "wrong would be worse than none";
  threads.served(7, 2, 20);
  ASSERT_TRUE(threads.cause(7, kNow).has_value());
  EXPECT_EQ(threads.cause(7, kNow)->connection, 1U);
}

TEST(ThreadActivity, EndingTheLastReadDoesNotMakeAnotherTheLastRead) {
  ThreadActivity threads;
  threads.serving(7, 1, 10, kNow);
  threads.serving(7, 2, 20, kNow);
  threads.serving(7, 3, 30, kNow);
  threads.served(7, 3, 30);
  EXPECT_FALSE(threads.cause(7, kNow).has_value());
}

TEST(ThreadActivity, IsBoundedByTimeAndCount) {
  ThreadActivity threads;
  threads.serving(7, 1, 10, kNow);
  EXPECT_FALSE(threads.cause(7, kNow + ThreadActivity::kLongestParent + Duration(1)).has_value());
  for (std::uint32_t i = 0; i < ThreadActivity::kMostChildren; ++i) ASSERT_TRUE(threads.cause(7, kNow).has_value());
  EXPECT_FALSE(threads.cause(7, kNow).has_value());
  for (std::uint64_t i = 0; i < 3 * ThreadActivity::kMostOpen; ++i) threads.serving(9, i, i, kNow);
  for (std::uint64_t i = 0; i < 3 * ThreadActivity::kMostOpen; ++i) threads.served(9, i, i);
  threads.served(7, 1, 10);
  EXPECT_EQ(threads.threads(), 0U) << "nothing is left of threads that serve nothing";
}

TEST(LocalExchanges, RemembersLittleOfWhatWasClosed) {
  LocalExchanges local(1000);
  local.open(1, {});  // the oldest of all stays open
  for (std::uint64_t key = 2; key < 10'000; ++key) {
    local.open(key, {});
    local.close(key);
  }
  EXPECT_NE(local.find(1), nullptr) << "what was closed does not push out what is open";
  EXPECT_EQ(local.size(), 1U);
  EXPECT_LT(local.remembered(), 100U);
}

TEST(LocalExchanges, ForgetsTheOldestBeyondItsLimit) {
  LocalExchanges local(3);
  for (std::uint8_t key = 1; key <= 5; ++key) {
    TraceContext context;
    context.trace_id.bytes[0] = key;
    context.span_id.bytes[0] = key;
    local.open(key, context);
  }
  EXPECT_EQ(local.find(1), nullptr);
  EXPECT_EQ(local.find(2), nullptr);
  ASSERT_NE(local.find(3), nullptr);
  EXPECT_EQ(local.find(5)->trace_id.bytes[0], 5);
  local.close(5);
  EXPECT_EQ(local.find(5), nullptr);
  EXPECT_EQ(local.size(), 2U);
}

}  // namespace
}  // namespace telegen
