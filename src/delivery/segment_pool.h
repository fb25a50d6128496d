// The segments of all queues as open files: taken, written, given back. Not thread safe; the store that owns it locks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "delivery/segment.h"
#include "delivery/segment_source.h"

namespace telegen {

struct Segment {
  SegmentSlot slot;
  Fd file;
  SegmentInfo info;             // sequence 0: nothing is written to it yet
  std::uint64_t written = 0;    // from the start
  std::uint64_t allocated = 0;  // of memory or disk
  std::uint32_t unsettled = 0;  // records that are not done with
  bool sealed = false;          // from another life: nothing is appended
  bool dirty = false;           // written since it was forced to the disk last

  bool on_disk() const { return slot.medium == SegmentMedium::kDisk; }
  bool has_room(std::uint64_t bytes, std::uint64_t limit) const {
    return !sealed && (written <= kSegmentHeaderBytes || written + bytes <= limit);
  }
};

class SegmentPool {
 public:
  explicit SegmentPool(SegmentSource& source) : source_(source) {}

  // An empty one; on disk, with room for `bytes` allocated, so that writing to it does not fail for want of space.
  Result<std::unique_ptr<Segment>> take(SegmentMedium medium, std::uint64_t bytes);
  // Its space is given back.
  void give_back(std::unique_ptr<Segment> segment);
  // From the start again; its records are done with. Keeps a little of its space.
  void rewind(Segment& segment);

  // Where the record begins.
  Result<std::uint64_t> append(Segment& segment, std::uint64_t queue, const RecordInfo& info, std::string_view payload);
  Result<std::string> read(const Segment& segment, std::uint64_t offset, std::uint32_t size, std::size_t prefix) const;
  void write_state(Segment& segment, std::uint64_t offset, RecordState state);

  // Everything that an earlier life left, oldest first. What cannot be read at all is given to `unreadable`, as bytes.
  struct Left {
    std::unique_ptr<Segment> segment;
    SegmentContent content;
  };
  Result<std::vector<Left>> recover(const std::function<void(std::uint64_t bytes)>& unreadable);

  std::uint64_t disk_bytes() const { return disk_bytes_; }

 private:
  Result<std::unique_ptr<Segment>> open(SegmentSlot slot);

  SegmentSource& source_;
  std::vector<std::unique_ptr<Segment>> idle_;  // open and empty
  std::uint32_t next_slot_[2] = {0, 0};         // those from here on were never opened
  std::uint64_t next_sequence_ = 1;
  std::uint64_t disk_bytes_ = 0;
};

}  // namespace telegen
