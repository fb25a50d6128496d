// Reading /proc, split by right. What is world-readable the worker reads itself; what the kernel guards with ptrace
// rights comes through PrivilegedProc, which the loader answers. Formats: proc(5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace telegen {

// The closed list of what may be asked of the loader. Every answer is bounded (see privileged_limit).
enum class ProcFile : std::uint8_t {
  kEnviron,       // NUL separated NAME=value, already reduced by filter_environ: secrets never reach the worker
  kExeLink,       // what the exe link points to
  kCwdLink,       // what the cwd link points to
  kMaps,          // maps, cut at the last whole line within its limit
  kNetNamespace,  // "net:[4026531840]"
  kSocketInodes,  // inode numbers of the sockets that it has open, one a line
  kNetTcp,        // net/tcp of its network namespace; listening sockets come first there
  kNetTcp6,       // net/tcp6
  kRings,         // how many io_urings it has descriptors of; empty: none
};
constexpr std::uint8_t kProcFileCount = 9;

// The longest answer, in bytes.
std::size_t privileged_limit(ProcFile file);
std::string_view to_text(ProcFile file);

class PrivilegedProc {
 public:
  virtual ~PrivilegedProc() = default;
  // Called from the thread of whoever was given the object; implementations need not be thread safe.
  virtual Result<std::string> read(std::uint32_t pid, ProcFile file) = 0;
  // The running executable, open for reading only (its ELF sections name its language).
  virtual Result<Fd> open_executable(std::uint32_t pid) = 0;
};

// Reads /proc with the rights of the calling process: for the loader's end, doctor and tests. No state: thread safe.
class DirectProc final : public PrivilegedProc {
 public:
  explicit DirectProc(std::string root = "/proc") : root_(std::move(root)) {}
  Result<std::string> read(std::uint32_t pid, ProcFile file) override;
  Result<Fd> open_executable(std::uint32_t pid) override;

 private:
  Result<std::string> socket_inodes(std::uint32_t pid) const;
  Result<std::string> rings(std::uint32_t pid) const;
  std::string root_;
};

struct BoundedText {
  std::string text;
  bool truncated = false;  // there was more
};

// At most `limit` bytes from the start of a file; never waits for a FIFO or a device.
Result<BoundedText> read_bounded(const std::string& path, std::size_t limit);
Result<std::string> read_link(const std::string& path);

// "<root>/<pid>/<name>"
std::string proc_path(std::string_view root, std::uint32_t pid, std::string_view name);

}  // namespace telegen
