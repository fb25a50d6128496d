// The format of a segment: a run of encoded requests of one queue, in memory or on disk alike. Pure.
//
// Little endian. A header of 64 bytes, then records, each at a multiple of 8 bytes:
//   segment header: magic "TGSEGM01" | u64 sequence | u64 queue | u32 crc32 of what comes before | zeros
//   record header:  u32 magic | u32 crc32 of the bytes 8 to 48 | u64 sequence of its segment | u64 received (Unix, ns)
//                   | u32 payload size | u32 items | u32 crc32 of the payload | u32 size before compression
//                   | u8 compression | 7 zeros | u32 state | u32 zero; then the payload, padded to 8 bytes
// A segment is written front to back and used again from its start under a new sequence number, so a record of another
// sequence is what was there before: the end. The state alone is changed in place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "export/transport/compression.h"

namespace telegen {

constexpr std::size_t kSegmentHeaderBytes = 64;
constexpr std::size_t kRecordHeaderBytes = 56;
constexpr std::size_t kRecordStateOffset = 48;

struct SegmentInfo {
  std::uint64_t sequence = 0;  // higher: younger
  std::uint64_t queue = 0;     // queue_hash() of whose records these are
};

enum class RecordState : std::uint32_t {
  kWaiting = 0x54494157,   // "WAIT"
  kInFlight = 0x544e4553,  // "SENT": handed to a receiver that had not answered
  kSettled = 0x454e4f44,   // "DONE"
};

struct RecordInfo {
  UnixTime received;  // of its oldest item
  std::uint32_t size = 0;
  std::uint32_t items = 0;
  std::uint32_t plain_size = 0;
  Compression compression = Compression::kNone;
};

// What one record takes of a segment.
constexpr std::uint64_t record_bytes(std::uint64_t payload) { return (kRecordHeaderBytes + payload + 7) / 8 * 8; }

std::string encode_segment_header(const SegmentInfo& info);
std::optional<SegmentInfo> decode_segment_header(std::string_view bytes);
// `info.size` is taken from the payload.
std::string encode_record_header(RecordInfo info, std::uint64_t sequence, std::string_view payload);
std::string encode_state(RecordState state);

struct FoundRecord {
  std::uint64_t offset = 0;  // of its header
  RecordInfo info;
  bool in_flight = false;
};

struct SegmentContent {
  SegmentInfo info;
  std::vector<FoundRecord> unsettled;  // in order
  std::uint64_t damaged_records = 0;   // at least: a stretch that cannot be read counts as one
  std::uint64_t damaged_bytes = 0;
  std::uint64_t damaged_items = 0;  // of the damaged, where that could be read
};

// Everything that can be read of a segment's bytes, which may be any: damage costs the records that it hits. Nothing if
// not even the header can be read.
std::optional<SegmentContent> read_segment(std::string_view bytes);

}  // namespace telegen
