// The loader's end: answers one request at a time, each checked. One thread.
#pragma once

#include <array>
#include <functional>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "discovery/proc_files.h"
#include "loader/handoff/messages.h"

namespace telegen {

struct LoaderServices {
  std::array<int, kKitDescriptors> kit = no_descriptors();  // the loader's own; -1: none
  static constexpr std::array<int, kKitDescriptors> no_descriptors() {
    std::array<int, kKitDescriptors> none{};
    none.fill(-1);
    return none;
  }
  std::uint32_t ring_bytes = 0;
  // May this process be looked at and traced at all, by the configuration? Asked before every request about one.
  std::function<bool(std::uint32_t pid)> may_trace;
  std::function<void(std::uint32_t pid, bool selected)> set_selected;
  std::function<Result<Fd>()> rotate_output;
  std::function<Result<Fd>(SegmentPlace)> open_segment;
  std::function<std::vector<SegmentPlace>()> list_segments;
  std::function<Result<void>()> reload;
  std::function<Result<bool>()> refresh_tls;             // true: the kit has others now
  std::function<void(std::uint32_t bytes)> set_capture;  // clamps to what is configured; empty: there are no probes
};

class LoaderServer {
 public:
  LoaderServer(LoaderServices services, PrivilegedProc& proc) : services_(std::move(services)), proc_(proc) {}
  // What the next worker is given instead.
  void hand_over(KitDescriptor descriptor, int fd) { services_.kit[static_cast<std::size_t>(descriptor)] = fd; }
  void set_reload(std::function<Result<void>()> reload) { services_.reload = std::move(reload); }
  // Answers the request that waits on the socket. False: the worker has closed it.
  Result<bool> answer_one(int socket, std::uint32_t generation);

 private:
  Result<void> answer(int socket, const Request& request, std::uint32_t generation);
  Result<void> answer_hello(int socket, std::uint32_t generation);
  Result<void> answer_with_fd(int socket, Result<Fd> fd);
  Result<void> answer_reload(int socket);
  Result<void> answer_refresh(int socket);
  Result<Fd> read_proc(const Request& request);
  Result<Fd> list_segments() const;
  LoaderServices services_;
  PrivilegedProc& proc_;
};

}  // namespace telegen
