// Order, gaps and overlaps by arithmetic, through the wrap of a TCP sequence number.
#include "tracing/stream_cursor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"

namespace telegen {
namespace {

TEST(StreamCursor, ContinuousTransfersHaveNoGap) {
  StreamCursor cursor;
  for (const std::uint32_t start : {5U, 15U, 25U}) {
    const auto step = cursor.advance(start, 10, true);
    EXPECT_EQ(step.gap, 0U);
    EXPECT_EQ(step.overlap, 0U);
    EXPECT_EQ(static_cast<std::uint32_t>(step.position), start);
  }
}

TEST(StreamCursor, FollowsTheSequenceNumberThroughItsWrap) {
  StreamCursor cursor;
  const auto first = cursor.advance(0xfffffff0, 0x20, true);
  const auto second = cursor.advance(0x10, 5, true);
  EXPECT_EQ(second.gap, 0U);
  EXPECT_EQ(second.position - first.position, 0x20U);
  const auto third = cursor.advance(0x1015, 5, true);
  EXPECT_EQ(third.gap, 0x1000U);
}

TEST(StreamCursor, WhatWasSeenBeforeIsOverlap) {
  StreamCursor cursor;
  cursor.advance(100, 50, true);
  const auto partly = cursor.advance(140, 20, true);
  EXPECT_EQ(partly.overlap, 10U);
  EXPECT_EQ(partly.gap, 0U);
  const auto wholly = cursor.advance(120, 10, true);
  EXPECT_EQ(wholly.overlap, 10U);
  EXPECT_EQ(cursor.advance(160, 1, true).gap, 0U) << "an old transfer must not move the stream back";
}

TEST(StreamCursor, FarBehindIsAnotherStream) {
  StreamCursor cursor;
  cursor.advance(0x40000000, 10, true);
  const auto step = cursor.advance(0x10000000, 10, true);
  EXPECT_TRUE(step.restarted);
  EXPECT_EQ(step.gap, 0U);
}

TEST(StreamCursor, CountedPositionsWorkBeyond32Bits) {
  StreamCursor cursor;
  cursor.advance(0, 10, false);
  EXPECT_EQ(cursor.advance(6ULL << 32, 10, false).gap, (6ULL << 32) - 10);
}

// Any loss of transfers: new bytes, gaps and overlaps together always account for the stream.
TEST(StreamCursor, AccountsForEveryByteWhateverIsLost) {
  Random random(42);
  for (int round = 0; round < 500; ++round) {
    StreamCursor cursor;
    const auto origin = static_cast<std::uint32_t>(random.next());
    std::uint64_t sent = 0, accounted = 0, last_end = 0;
    bool first = true;
    for (int i = 0; i < 50; ++i) {
      const std::uint64_t length = 1 + random.next() % 5000;
      if (!first && random.next() % 4 == 0) {
        sent += length;
        continue;
      }
      if (first) accounted = sent;
      first = false;
      const auto step = cursor.advance(static_cast<std::uint32_t>(origin + sent), length, true);
      EXPECT_FALSE(step.restarted);
      EXPECT_EQ(step.overlap, 0U);
      accounted += step.gap + length;
      sent += length;
      last_end = sent;
      ASSERT_EQ(accounted, last_end);
    }
  }
}

}  // namespace
}  // namespace telegen
