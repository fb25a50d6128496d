#include "delivery/segment.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace telegen {
namespace {

struct Written {
  std::string bytes;
  std::vector<std::uint64_t> offsets;
};

std::string payload_of(std::uint32_t number, std::size_t size) {
  std::string text(size, static_cast<char>('a' + number % 26));
  for (std::size_t i = 0; i < text.size(); i += 7) text[i] = static_cast<char>(number * 31 + i);
  return text;
}

Written segment_of(std::uint64_t sequence, const std::vector<std::size_t>& sizes) {
  Written out{.bytes = encode_segment_header({.sequence = sequence, .queue = 77}), .offsets = {}};
  for (std::uint32_t i = 0; i < sizes.size(); ++i) {
    const std::string payload = payload_of(i, sizes[i]);
    out.offsets.push_back(out.bytes.size());
    out.bytes += encode_record_header(
        {.received = {1000 + i}, .items = i + 1, .plain_size = 9000 + i, .compression = Compression::kGzip}, sequence,
        payload);
    out.bytes += payload;
    out.bytes.resize((out.bytes.size() + 7) / 8 * 8);
  }
  return out;
}

void set_state(Written& segment, std::size_t record, RecordState state) {
  segment.bytes.replace(segment.offsets[record] + kRecordStateOffset, 4, encode_state(state));
}

TEST(Segment, GivesBackWhatIsNotSettledFieldByField) {
  Written segment = segment_of(5, {0, 1, 7, 8, 9, 5000});
  set_state(segment, 1, RecordState::kSettled);
  set_state(segment, 4, RecordState::kInFlight);
  for (const std::string& tail : {std::string(), std::string(4096, '\0')}) {  // as written, and as preallocated
    const auto content = read_segment(segment.bytes + tail);
    ASSERT_TRUE(content);
    EXPECT_EQ(content->info.sequence, 5U);
    EXPECT_EQ(content->info.queue, 77U);
    EXPECT_EQ(content->damaged_records, 0U);
    ASSERT_EQ(content->unsettled.size(), 5U);
    const FoundRecord& last = content->unsettled[4];
    EXPECT_EQ(last.offset, segment.offsets[5]);
    EXPECT_EQ(last.info.received, UnixTime{1005});
    EXPECT_EQ(last.info.size, 5000U);
    EXPECT_EQ(last.info.items, 6U);
    EXPECT_EQ(last.info.plain_size, 9005U);
    EXPECT_EQ(last.info.compression, Compression::kGzip);
    EXPECT_FALSE(last.in_flight);
    EXPECT_TRUE(content->unsettled[3].in_flight);
  }
}

TEST(Segment, WhatIsFromBeforeItsLastBeginningIsTheEnd) {
  const Written old = segment_of(4, {100, 100, 100, 100});
  const Written fresh = segment_of(9, {100, 100});
  std::string bytes = old.bytes;
  bytes.replace(0, fresh.bytes.size(), fresh.bytes);
  const auto content = read_segment(bytes);
  ASSERT_TRUE(content);
  EXPECT_EQ(content->unsettled.size(), 2U);
  EXPECT_EQ(content->damaged_records, 0U);
}

TEST(Segment, ADamagedPayloadCostsItsRecordAndIsCountedInItems) {
  Written segment = segment_of(1, {50, 60, 70});
  segment.bytes[segment.offsets[1] + kRecordHeaderBytes + 10] ^= 1;
  const auto content = read_segment(segment.bytes);
  ASSERT_TRUE(content);
  ASSERT_EQ(content->unsettled.size(), 2U);
  EXPECT_EQ(content->unsettled[1].offset, segment.offsets[2]);
  EXPECT_EQ(content->damaged_records, 1U);
  EXPECT_EQ(content->damaged_items, 2U);
}

TEST(Segment, ADamagedHeaderCostsItsRecord) {
  Written segment = segment_of(1, {50, 60, 70});
  segment.bytes[segment.offsets[1] + 24] ^= 0x40;  // its size
  const auto content = read_segment(segment.bytes);
  ASSERT_TRUE(content);
  ASSERT_EQ(content->unsettled.size(), 2U);
  EXPECT_EQ(content->unsettled[0].offset, segment.offsets[0]);
  EXPECT_EQ(content->unsettled[1].offset, segment.offsets[2]);
  EXPECT_EQ(content->damaged_records, 1U);
  EXPECT_EQ(content->damaged_bytes, segment.offsets[2] - segment.offsets[1]);
}

TEST(Segment, APageThatTheDiskNeverGotCostsWhatWasInIt) {
  Written segment = segment_of(1, std::vector<std::size_t>(40, 500));
  segment.bytes.replace(4096, 4096, std::string(4096, '\0'));
  const auto content = read_segment(segment.bytes);
  ASSERT_TRUE(content);
  EXPECT_GE(content->damaged_records, 1U);
  EXPECT_GE(content->unsettled.size(), 40U - 4096 / 556 - 2);
  for (const FoundRecord& found : content->unsettled) {
    EXPECT_TRUE(found.offset + record_bytes(500) <= 4096 || found.offset >= 8192);
  }
}

TEST(Segment, CutAnywhereItKeepsWhatIsWhole) {
  const Written segment = segment_of(3, {10, 200, 33});
  for (std::size_t length = 0; length <= segment.bytes.size(); ++length) {
    const auto content = read_segment(std::string_view(segment.bytes).substr(0, length));
    if (length < kSegmentHeaderBytes) {
      EXPECT_FALSE(content) << length;
      continue;
    }
    ASSERT_TRUE(content) << length;
    std::size_t whole = 0;
    for (const auto& [record, size] : {std::pair(0, 10), std::pair(1, 200), std::pair(2, 33)}) {
      whole +=
          segment.offsets[static_cast<std::size_t>(record)] + kRecordHeaderBytes + static_cast<std::size_t>(size) <=
                  length
              ? 1
              : 0;
    }
    EXPECT_EQ(content->unsettled.size(), whole) << length;
  }
}

// Any damage costs at most the records that it touches, and nothing that is given back differs from what was written.
TEST(Segment, RandomDamageNeverInventsOrChangesARecord) {
  Random random(7);
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::size_t> sizes;
    sizes.resize(1 + random.next() % 12);
    for (std::size_t& size : sizes) size = random.next() % 400;
    Written segment = segment_of(1 + random.next() % 5, sizes);
    std::vector<bool> touched(sizes.size());
    const std::size_t changes = random.next() % 4;
    for (std::size_t i = 0; i < changes; ++i) {
      const std::size_t at = kSegmentHeaderBytes + random.next() % (segment.bytes.size() - kSegmentHeaderBytes);
      std::size_t record = sizes.size() - 1;
      while (segment.offsets[record] > at) --record;
      if (at - segment.offsets[record] >= kRecordStateOffset && at - segment.offsets[record] < kRecordStateOffset + 4) {
        continue;  // the state may be lost: then the record is sent once more
      }
      segment.bytes[at] = static_cast<char>(random.next());
      touched[record] = true;
    }
    const auto content = read_segment(segment.bytes);
    ASSERT_TRUE(content);
    std::size_t next = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const bool found = next < content->unsettled.size() && content->unsettled[next].offset == segment.offsets[i];
      if (!touched[i]) ASSERT_TRUE(found) << "round " << round << " record " << i;
      if (!found) continue;
      const RecordInfo& info = content->unsettled[next].info;
      ASSERT_EQ(info.size, sizes[i]);
      ASSERT_EQ(info.items, i + 1);
      ASSERT_EQ(info.received, UnixTime{1000 + i});
      ++next;
    }
    ASSERT_EQ(next, content->unsettled.size()) << "a record that was never written";
  }
}

}  // namespace
}  // namespace telegen
