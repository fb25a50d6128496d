// Any bytes as a ring record: never a crash, never a view outside of the record.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "ingest/event.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const telegen::Bytes record(reinterpret_cast<const char*>(data), size);
  const auto event = telegen::decode_event(record);
  if (!event) return 0;
  if (const auto* transfer = std::get_if<telegen::DataEvent>(&event->body)) {
    if (transfer->head.size() + transfer->tail.size() > transfer->length) std::abort();
    for (const telegen::Bytes part : {transfer->head, transfer->tail}) {
      if (part.data() < record.data() || part.data() + part.size() > record.data() + record.size()) std::abort();
    }
  }
  return 0;
}
