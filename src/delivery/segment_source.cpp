#include "delivery/segment_source.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

namespace telegen {

Result<Fd> OwnMemory::open(SegmentSlot slot) {
  if (slot.medium != SegmentMedium::kMemory) return fail_errno(ENOENT, "open", "a segment on disk");
  Fd& file = files_[slot];
  if (!file.valid()) file = Fd(::memfd_create("telegen-queue", MFD_CLOEXEC));
  if (!file.valid()) return fail_errno(errno, "create", "a memory file");
  Fd copy(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return fail_errno(errno, "duplicate", "a memory file");
  return copy;
}

Result<std::vector<SegmentSlot>> OwnMemory::existing() {
  std::vector<SegmentSlot> slots;
  for (const auto& [slot, file] : files_) {
    struct stat about{};
    if (::fstat(file.get(), &about) == 0 && about.st_size > 0) slots.push_back(slot);
  }
  return slots;
}

}  // namespace telegen
