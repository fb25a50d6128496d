// The worker's end of the socketpair. Thread safe: one request is under way at a time.
#pragma once

#include <array>
#include <mutex>
#include <optional>

#include "base/fd.h"
#include "base/result.h"
#include "discovery/proc_files.h"
#include "loader/handoff/messages.h"

namespace telegen {

// What a worker is given to work with. A descriptor that does not apply is invalid.
struct WorkerKit {
  std::array<Fd, kKitDescriptors> descriptors;
  std::uint32_t ring_bytes = 0;
  std::uint32_t generation = 0;
  Fd& operator[](KitDescriptor d) { return descriptors[static_cast<std::size_t>(d)]; }
};

class LoaderClient final : public PrivilegedProc {
 public:
  explicit LoaderClient(Fd socket) : socket_(std::move(socket)) {}

  Result<WorkerKit> hello();
  Result<std::string> read(std::uint32_t pid, ProcFile file) override;
  Result<Fd> open_executable(std::uint32_t pid) override;
  Result<void> select(std::uint32_t pid, bool selected);
  Result<Fd> rotate_output();
  Result<Fd> open_segment(SegmentPlace place);
  Result<std::vector<SegmentPlace>> list_segments();
  // The configuration is read again, and this worker told by SIGHUP or replaced; or the error says why it is refused.
  Result<void> reload();
  // Have the files for TLS changed since they were handed over? Then hello() gives the new ones.
  Result<bool> refresh_tls();
  Result<void> set_capture(std::uint32_t bytes);  // of each turn's head, at most as configured; 0 suspends

  // The loader has gone: no request will be answered any more.
  bool is_gone() const;

 private:
  struct Reply {
    Answer answer;
    std::vector<Fd> fds;
  };
  Result<Reply> ask(const Request& request, const char* what);
  Result<Fd> ask_for_fd(const Request& request, const char* what);
  std::mutex mutex_;
  Fd socket_;
};

}  // namespace telegen
