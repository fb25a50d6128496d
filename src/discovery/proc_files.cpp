#include "discovery/proc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>

#include "discovery/proc_parse.h"

namespace telegen {
namespace {

constexpr std::size_t kMaxDescriptors = 65536;  // directory entries looked at; a listener's number is small
constexpr std::size_t kRawEnvironLimit = 1 << 20;

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::string_view file_name(ProcFile file) {
  switch (file) {
    case ProcFile::kEnviron: return "environ";
    case ProcFile::kExeLink: return "exe";
    case ProcFile::kCwdLink: return "cwd";
    case ProcFile::kMaps: return "maps";
    case ProcFile::kNetNamespace: return "ns/net";
    case ProcFile::kSocketInodes:
    case ProcFile::kRings: return "fd";
    case ProcFile::kNetTcp: return "net/tcp";
    case ProcFile::kNetTcp6: return "net/tcp6";
  }
  return {};
}

Result<std::string> read_whole_lines(const std::string& path, std::size_t limit) {
  Result<BoundedText> read = read_bounded(path, limit);
  if (!read) return std::unexpected(std::move(read.error()));
  if (read->truncated) read->text.resize(read->text.rfind('\n') + 1);
  return std::move(read->text);
}

// What each descriptor listed in `path` leads to, until `take` returns false.
Result<void> for_each_descriptor(const std::string& path, const std::function<bool(std::string_view)>& take) {
  const std::unique_ptr<DIR, DirectoryCloser> directory(::opendir(path.c_str()));
  if (!directory) return fail_errno(errno, "open", path);
  const int here = ::dirfd(directory.get());
  if (here < 0) return fail_errno(errno, "open", path);
  for (std::size_t seen = 0; seen < kMaxDescriptors; ++seen) {
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    char target[64];
    const ssize_t length = ::readlinkat(here, entry->d_name, target, sizeof target);
    if (length <= 0) continue;  // "." and "..", or closed in the meantime
    if (!take({target, static_cast<std::size_t>(length)})) break;
  }
  return {};
}

}  // namespace

std::size_t privileged_limit(ProcFile file) {
  switch (file) {
    case ProcFile::kEnviron: return 64 * 1024;
    case ProcFile::kMaps:
    case ProcFile::kNetTcp:
    case ProcFile::kNetTcp6: return 1 << 20;
    case ProcFile::kSocketInodes: return 256 * 1024;
    case ProcFile::kExeLink:
    case ProcFile::kCwdLink: return 4096;
    case ProcFile::kNetNamespace:
    case ProcFile::kRings: return 64;
  }
  return 0;
}

std::string_view to_text(ProcFile file) { return file_name(file); }

std::string proc_path(std::string_view root, std::uint32_t pid, std::string_view name) {
  std::string path(root);
  path.append("/").append(std::to_string(pid));
  if (!name.empty()) path.append("/").append(name);
  return path;
}

Result<BoundedText> read_bounded(const std::string& path, std::size_t limit) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return fail_errno(errno, "open", path);
  BoundedText out;
  std::size_t used = 0;
  while (true) {
    // One byte more than the limit tells a file that ends there from one that goes on.
    const std::size_t want = std::min<std::size_t>(limit + 1 - used, 64 * 1024);
    out.text.resize(used + want);
    const ssize_t got = ::read(fd.get(), out.text.data() + used, want);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read", path);
    used += static_cast<std::size_t>(got);
    if (got == 0 || used > limit) break;
  }
  out.truncated = used > limit;
  out.text.resize(std::min(used, limit));
  return out;
}

Result<std::string> read_link(const std::string& path) {
  std::string target(4096, '\0');
  const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
  if (length < 0) return fail_errno(errno, "read link", path);
  target.resize(static_cast<std::size_t>(length));
  return target;
}

Result<std::string> DirectProc::read(std::uint32_t pid, ProcFile file) {
  const std::string path = proc_path(root_, pid, file_name(file));
  switch (file) {
    case ProcFile::kEnviron: {
      const Result<BoundedText> raw = read_bounded(path, kRawEnvironLimit);
      if (!raw) return std::unexpected(raw.error());
      return filter_environ(raw->text, privileged_limit(file));
    }
    case ProcFile::kExeLink:
    case ProcFile::kCwdLink:
    case ProcFile::kNetNamespace: return read_link(path);
    case ProcFile::kMaps:
    case ProcFile::kNetTcp:
    case ProcFile::kNetTcp6: return read_whole_lines(path, privileged_limit(file));
    case ProcFile::kSocketInodes: return socket_inodes(pid);
    case ProcFile::kRings: return rings(pid);
  }
  return fail("no such file of a process");
}

Result<std::string> DirectProc::socket_inodes(std::uint32_t pid) const {
  std::string out;
  const std::size_t limit = privileged_limit(ProcFile::kSocketInodes);
  const auto read = for_each_descriptor(proc_path(root_, pid, "fd"), [&](std::string_view target) {
    const auto inode = parse_inode_link(target, "socket");
    if (!inode) return true;
    const std::string line = std::to_string(*inode) + "\n";
    if (out.size() + line.size() > limit) return false;
    out += line;
    return true;
  });
  if (!read) return std::unexpected(read.error());
  return out;
}

Result<std::string> DirectProc::rings(std::uint32_t pid) const {
  std::size_t count = 0;
  const auto read = for_each_descriptor(proc_path(root_, pid, "fd"), [&](std::string_view target) {
    if (target == "anon_inode:[io_uring]") ++count;
    return true;
  });
  if (!read) return std::unexpected(read.error());
  return count == 0 ? std::string() : std::to_string(count);
}

Result<Fd> DirectProc::open_executable(std::uint32_t pid) {
  const std::string path = proc_path(root_, pid, "exe");
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return fail_errno(errno, "open", path);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, "stat", path);
  if (!S_ISREG(status.st_mode)) return fail("open " + path + ": not a regular file");
  return fd;
}

}  // namespace telegen
