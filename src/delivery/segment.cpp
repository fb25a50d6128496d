#include "delivery/segment.h"

#include <libdeflate.h>

#include <algorithm>
#include <cstring>

namespace telegen {
namespace {

constexpr std::string_view kSegmentMagic = "TGSEGM01";
constexpr std::uint32_t kRecordMagic = 0x31524754;  // "TGR1"
constexpr std::size_t kSegmentCrcOffset = 24;
constexpr std::uint32_t kLargestPayload = 64U << 20;

std::uint32_t crc(std::string_view bytes) {
  return static_cast<std::uint32_t>(libdeflate_crc32(0, bytes.data(), bytes.size()));
}

template <class T>
void put(std::string& out, std::size_t at, T value) {
  std::memcpy(out.data() + at, &value, sizeof value);
}
template <class T>
T get(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

struct Header {
  RecordInfo info;
  std::uint64_t sequence;
  std::uint32_t payload_crc;
  RecordState state;
};

std::optional<Header> decode_record_header(std::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes || get<std::uint32_t>(bytes, 0) != kRecordMagic) return std::nullopt;
  if (get<std::uint32_t>(bytes, 4) != crc(bytes.substr(8, kRecordStateOffset - 8))) return std::nullopt;
  Header header{.info = {.received = {get<std::uint64_t>(bytes, 16)},
                         .size = get<std::uint32_t>(bytes, 24),
                         .items = get<std::uint32_t>(bytes, 28),
                         .plain_size = get<std::uint32_t>(bytes, 36),
                         .compression = Compression::kNone},
                .sequence = get<std::uint64_t>(bytes, 8),
                .payload_crc = get<std::uint32_t>(bytes, 32),
                .state = get<RecordState>(bytes, kRecordStateOffset)};
  const auto compression = get<std::uint8_t>(bytes, 40);
  if (compression > static_cast<std::uint8_t>(Compression::kZstd) || header.info.size > kLargestPayload) {
    return std::nullopt;
  }
  header.info.compression = static_cast<Compression>(compression);
  return header;
}

// Where the next record of this segment begins, or the end of the bytes.
std::size_t find_record(std::string_view bytes, std::size_t from, std::uint64_t sequence) {
  for (std::size_t at = from; at + kRecordHeaderBytes <= bytes.size(); at += 8) {
    if (get<std::uint32_t>(bytes, at) != kRecordMagic) continue;
    const auto header = decode_record_header(bytes.substr(at));
    if (header && header->sequence == sequence) return at;
  }
  return bytes.size();
}

bool is_blank(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char c) { return c == 0; });
}

}  // namespace

std::string encode_segment_header(const SegmentInfo& info) {
  std::string out(kSegmentHeaderBytes, '\0');
  std::memcpy(out.data(), kSegmentMagic.data(), kSegmentMagic.size());
  put(out, 8, info.sequence);
  put(out, 16, info.queue);
  put(out, kSegmentCrcOffset, crc(std::string_view(out).substr(0, kSegmentCrcOffset)));
  return out;
}

std::optional<SegmentInfo> decode_segment_header(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes || !bytes.starts_with(kSegmentMagic)) return std::nullopt;
  if (get<std::uint32_t>(bytes, kSegmentCrcOffset) != crc(bytes.substr(0, kSegmentCrcOffset))) return std::nullopt;
  return SegmentInfo{.sequence = get<std::uint64_t>(bytes, 8), .queue = get<std::uint64_t>(bytes, 16)};
}

std::string encode_record_header(RecordInfo info, std::uint64_t sequence, std::string_view payload) {
  std::string out(kRecordHeaderBytes, '\0');
  put(out, 0, kRecordMagic);
  put(out, 8, sequence);
  put(out, 16, info.received.ns);
  put(out, 24, static_cast<std::uint32_t>(payload.size()));
  put(out, 28, info.items);
  put(out, 32, crc(payload));
  put(out, 36, info.plain_size);
  put(out, 40, static_cast<std::uint8_t>(info.compression));
  put(out, 4, crc(std::string_view(out).substr(8, kRecordStateOffset - 8)));
  put(out, kRecordStateOffset, RecordState::kWaiting);
  return out;
}

std::string encode_state(RecordState state) {
  std::string out(sizeof state, '\0');
  put(out, 0, state);
  return out;
}

std::optional<SegmentContent> read_segment(std::string_view bytes) {
  const auto info = decode_segment_header(bytes);
  if (!info) return std::nullopt;
  SegmentContent content{.info = *info};
  const auto damaged = [&content](std::size_t size, std::uint32_t items) {
    ++content.damaged_records;
    content.damaged_bytes += size;
    content.damaged_items += items;
  };
  std::size_t at = kSegmentHeaderBytes;
  while (at < bytes.size()) {
    const auto header = decode_record_header(bytes.substr(at));
    if (header && header->sequence != info->sequence) break;  // from before the segment was begun again
    if (!header) {
      const std::size_t next = find_record(bytes, at + 8, info->sequence);
      const std::string_view gap = bytes.substr(at, next - at);
      if (next == bytes.size() && is_blank(gap.substr(0, kRecordHeaderBytes))) break;  // preallocated, never written
      damaged(gap.size(), 0);
      at = next;
      continue;
    }
    const std::size_t size = record_bytes(header->info.size);
    const std::string_view payload = bytes.substr(at + kRecordHeaderBytes).substr(0, header->info.size);
    if (header->state != RecordState::kSettled) {
      if (payload.size() == header->info.size && crc(payload) == header->payload_crc) {
        content.unsettled.push_back({at, header->info, header->state == RecordState::kInFlight});
      } else {
        damaged(std::min(size, bytes.size() - at), header->info.items);
      }
    }
    at += size;
  }
  return content;
}

}  // namespace telegen
