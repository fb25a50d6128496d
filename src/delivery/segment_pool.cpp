#include "delivery/segment_pool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace telegen {
namespace {

constexpr std::uint64_t kKeptOnRewind = 256U << 10;
constexpr std::uint64_t kLargestSegment = 1ULL << 30;

Result<void> write_at(int file, std::uint64_t offset, std::string_view head, std::string_view body) {
  const std::size_t total = head.size() + body.size();
  std::size_t done = 0;
  while (done < total) {
    iovec parts[2];
    int count = 0;
    if (done < head.size()) parts[count++] = {const_cast<char*>(head.data()) + done, head.size() - done};
    const std::size_t of_body = done < head.size() ? 0 : done - head.size();
    if (of_body < body.size()) parts[count++] = {const_cast<char*>(body.data()) + of_body, body.size() - of_body};
    const ssize_t n = ::pwritev(file, parts, count, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, "write to", "a queue segment");
    done += static_cast<std::size_t>(n);
  }
  return {};
}

Result<void> read_at(int file, std::uint64_t offset, char* out, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::pread(file, out, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, "read", "a queue segment");
    if (n == 0) return fail("read a queue segment: it is cut short");
    out += n;
    offset += static_cast<std::uint64_t>(n);
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Segment>> SegmentPool::open(SegmentSlot slot) {
  auto file = source_.open(slot);
  if (!file) return std::unexpected(file.error());
  auto segment = std::make_unique<Segment>();
  segment->slot = slot;
  segment->file = std::move(*file);
  return segment;
}

Result<std::unique_ptr<Segment>> SegmentPool::take(SegmentMedium medium, std::uint64_t bytes) {
  std::unique_ptr<Segment> segment;
  const auto idle = std::ranges::find_if(idle_, [&](const auto& each) { return each->slot.medium == medium; });
  if (idle != idle_.end()) {
    segment = std::move(*idle);
    idle_.erase(idle);
  } else {
    std::uint32_t& next = next_slot_[static_cast<std::size_t>(medium)];
    if (next == kMaxSegments) return fail("all segments of the queues are in use");
    auto opened = open({medium, next});
    if (!opened) return opened;
    ++next;
    segment = std::move(*opened);
  }
  if (medium == SegmentMedium::kDisk) {
    // A file system that cannot allocate beforehand says so; then a write may fail later, which is handled as well.
    if (::fallocate(segment->file.get(), 0, 0, static_cast<off_t>(bytes)) != 0 && errno != EOPNOTSUPP) {
      const int code = errno;
      static_cast<void>(::ftruncate(segment->file.get(), 0));
      idle_.push_back(std::move(segment));
      return fail_errno(code, "allocate", "a queue segment");
    }
    segment->allocated = bytes;
    disk_bytes_ += bytes;
  }
  return segment;
}

void SegmentPool::give_back(std::unique_ptr<Segment> segment) {
  if (segment->on_disk()) disk_bytes_ -= segment->allocated;
  static_cast<void>(::ftruncate(segment->file.get(), 0));
  auto empty = std::make_unique<Segment>();
  empty->slot = segment->slot;
  empty->file = std::move(segment->file);
  idle_.push_back(std::move(empty));
}

void SegmentPool::rewind(Segment& segment) {
  segment.info.sequence = 0;
  segment.written = 0;
  segment.unsettled = 0;
  if (segment.on_disk() || segment.allocated <= kKeptOnRewind) return;
  static_cast<void>(::ftruncate(segment.file.get(), 0));
  segment.allocated = 0;
}

Result<std::uint64_t> SegmentPool::append(Segment& segment, std::uint64_t queue, const RecordInfo& info,
                                          std::string_view payload) {
  SegmentInfo head = segment.info;
  std::uint64_t offset = segment.written;
  if (head.sequence == 0) {
    head = {.sequence = next_sequence_, .queue = queue};
    offset = kSegmentHeaderBytes;
    if (auto begun = write_at(segment.file.get(), 0, encode_segment_header(head), {}); !begun) {
      return std::unexpected(begun.error());
    }
    ++next_sequence_;
  }
  segment.info = head;
  segment.written = offset;
  const std::string header = encode_record_header(info, head.sequence, payload);
  if (auto written = write_at(segment.file.get(), offset, header, payload); !written) {
    return std::unexpected(written.error());
  }
  segment.written = offset + record_bytes(payload.size());
  segment.allocated = std::max(segment.allocated, segment.written);
  segment.dirty = segment.on_disk();
  ++segment.unsettled;
  return offset;
}

Result<std::string> SegmentPool::read(const Segment& segment, std::uint64_t offset, std::uint32_t size,
                                      std::size_t prefix) const {
  std::string bytes;
  Result<void> done;
  // The size is our own: libstdc++ 12 may tell the capacity.
  bytes.resize_and_overwrite(prefix + size, [&](char* out, std::size_t) {
    done = read_at(segment.file.get(), offset + kRecordHeaderBytes, out + prefix, size);
    return prefix + size;
  });
  if (!done) return std::unexpected(done.error());
  return bytes;
}

void SegmentPool::write_state(Segment& segment, std::uint64_t offset, RecordState state) {
  // Where this fails the record is sent once more after a restart, which at-least-once allows.
  static_cast<void>(write_at(segment.file.get(), offset + kRecordStateOffset, encode_state(state), {}));
  segment.dirty = segment.on_disk();
}

Result<std::vector<SegmentPool::Left>> SegmentPool::recover(const std::function<void(std::uint64_t)>& unreadable) {
  auto slots = source_.existing();
  if (!slots) return std::unexpected(slots.error());
  std::vector<Left> left;
  for (const SegmentSlot slot : *slots) {
    if (slot.number >= kMaxSegments) continue;
    std::uint32_t& next = next_slot_[static_cast<std::size_t>(slot.medium)];
    next = std::max(next, slot.number + 1);
    auto segment = open(slot);
    if (!segment) return std::unexpected(segment.error());
    struct stat about{};
    if (::fstat((*segment)->file.get(), &about) != 0) return fail_errno(errno, "stat", "a queue segment");
    const auto size = std::min(static_cast<std::uint64_t>(about.st_size), kLargestSegment);
    std::string bytes(size, '\0');
    const auto done = read_at((*segment)->file.get(), 0, bytes.data(), size);
    auto content = done ? read_segment(bytes) : std::nullopt;
    (*segment)->allocated = size;
    if ((*segment)->on_disk()) disk_bytes_ += size;
    if (!content) {
      const bool unwritten = done && std::string_view(bytes).substr(0, kSegmentHeaderBytes).find_first_not_of('\0') ==
                                         std::string_view::npos;  // allocated, and then the agent died
      if (!unwritten) unreadable(size);
      give_back(std::move(*segment));
      continue;
    }
    (*segment)->info = content->info;
    (*segment)->written = size;
    (*segment)->sealed = true;
    (*segment)->unsettled = static_cast<std::uint32_t>(content->unsettled.size());
    next_sequence_ = std::max(next_sequence_, content->info.sequence + 1);
    left.push_back({std::move(*segment), std::move(*content)});
  }
  std::ranges::sort(left, {}, [](const Left& each) { return each.content.info.sequence; });
  return left;
}

}  // namespace telegen
