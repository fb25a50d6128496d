// A segment of the queues, as a crash, a power cut or a bad disk left it.
#include "delivery/segment.h"

#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

using namespace telegen;

void require(bool holds) {
  if (!holds) std::abort();
}

// What is given back lies within the bytes, in order, without overlap, and its payload is what its checksum says:
// writing it again and reading that gives the same.
void check(std::string_view bytes, const SegmentContent& content) {
  std::uint64_t end = kSegmentHeaderBytes;
  for (const FoundRecord& found : content.unsettled) {
    require(found.offset >= end && found.offset % 8 == 0);
    require(found.offset + kRecordHeaderBytes + found.info.size <= bytes.size());
    end = found.offset + record_bytes(found.info.size);
    const std::string payload(bytes.substr(found.offset + kRecordHeaderBytes, found.info.size));
    const auto again =
        read_segment(encode_segment_header({1, 2}) + encode_record_header(found.info, 1, payload) + payload);
    require(again && again->unsettled.size() == 1 && again->unsettled[0].info.items == found.info.items);
  }
  require(content.damaged_bytes <= bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto content = telegen::read_segment(bytes)) check(bytes, *content);
  // Mutations seldom hit a checksum: the same bytes as what follows a header, and as payload and remains of a record.
  const std::string header = telegen::encode_segment_header({.sequence = 7, .queue = 9});
  const std::string behind = header + std::string(bytes);
  if (const auto content = telegen::read_segment(behind)) check(behind, *content);
  const std::string record = telegen::encode_record_header({.items = 3}, 7, bytes.substr(0, size / 2));
  const std::string mixed = header + record + std::string(bytes);
  if (const auto content = telegen::read_segment(mixed)) check(mixed, *content);
  return 0;
}
