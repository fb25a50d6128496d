#include "loader/handoff/queue_segments.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <thread>

namespace telegen {
namespace {

constexpr auto kLockPause = std::chrono::milliseconds(100);

std::string file_name(std::uint32_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "segment-%04u", number);
  return name;
}

bool holds_anything(int result, const struct stat& about) { return result == 0 && about.st_size > 0; }

}  // namespace

Result<QueueSegments> QueueSegments::open(const std::string& directory, Duration patience) {
  QueueSegments segments;
  segments.path_ = directory;
  if (directory.empty()) return segments;
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno(errno, "create the spool directory", directory, ErrorKind::kConfiguration);
  }
  segments.directory_ = Fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!segments.directory_.valid()) {
    return fail_errno(errno, "open the spool directory", directory, ErrorKind::kConfiguration);
  }
  for (const Time begin = monotonic_now();; std::this_thread::sleep_for(kLockPause)) {
    if (::flock(segments.directory_.get(), LOCK_EX | LOCK_NB) == 0) return segments;
    if (errno != EWOULDBLOCK) {
      return fail_errno(errno, "lock the spool directory", directory, ErrorKind::kConfiguration);
    }
    if (monotonic_now() - begin >= patience) {
      return fail("another agent uses the spool directory " + directory, ErrorKind::kConfiguration);
    }
  }
}

Result<Fd> QueueSegments::segment(SegmentPlace place) {
  if (place.number >= kMaxNumber) return fail_errno(EINVAL, "open", "a queue segment");
  if (place.disk != 0) {
    if (!directory_.valid()) return fail_errno(ENOENT, "open", "a segment without a spool directory");
    const std::string name = file_name(place.number);
    Fd file(::openat(directory_.get(), name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.valid()) return fail_errno(errno, "open", path_ + "/" + name);
    struct stat about{};
    // What somebody else put there is not written to.
    if (::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode) || about.st_nlink != 1) {
      return fail_errno(EPERM, "use", path_ + "/" + name);
    }
    return file;
  }
  Fd& memory = memory_[place.number];
  if (!memory.valid()) memory = Fd(::memfd_create("telegen-queue", MFD_CLOEXEC));
  if (!memory.valid()) return fail_errno(errno, "create", "a memory file");
  Fd copy(::fcntl(memory.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return fail_errno(errno, "duplicate", "a memory file");
  return copy;
}

std::vector<SegmentPlace> QueueSegments::existing() const {
  std::vector<SegmentPlace> places;
  struct stat about{};
  for (const auto& [number, memory] : memory_) {
    if (holds_anything(::fstat(memory.get(), &about), about)) places.push_back({.disk = 0, .number = number});
  }
  for (std::uint32_t number = 0; directory_.valid() && number < kMaxNumber; ++number) {
    const int result = ::fstatat(directory_.get(), file_name(number).c_str(), &about, AT_SYMLINK_NOFOLLOW);
    if (holds_anything(result, about)) places.push_back({.disk = 1, .number = number});
  }
  return places;
}

}  // namespace telegen
