// Writing all of a text to a descriptor. Private to this room.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "base/result.h"

namespace telegen {

// Waits at most a second for a descriptor that does not take more (a stopped terminal must not stop the agent).
inline Result<void> write_all(int fd, std::string_view text, std::string_view what) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    const int code = errno;
    if (code == EINTR) continue;
    if (code != EAGAIN) return fail_errno(code, "write to", what, ErrorKind::kExport);
    pollfd ready{fd, POLLOUT, 0};
    if (::poll(&ready, 1, 1000) == 0) return fail_errno(EAGAIN, "write to", what, ErrorKind::kExport);
  }
  return {};
}

}  // namespace telegen
