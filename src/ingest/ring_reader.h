// Takes records out of the kernel's ring (BPF_MAP_TYPE_RINGBUF) through its mapped pages alone, without a bpf() call:
// the worker may make none. Layout: Linux, kernel/bpf/ringbuf.c — a page with the consumer's position (ours to write),
// a page with the producer's, then the data. The kernel would map the data twice in a row, so that no record is split;
// mapped once it counts once in this process's memory, and the one record in a round that is split is copied. One
// thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace telegen {

class RingReader {
 public:
  // `fd` stays the caller's; `bytes` is the ring's size, a power of two.
  static Result<RingReader> open(int fd, std::uint32_t bytes);
  RingReader(RingReader&& other) noexcept;
  RingReader& operator=(RingReader&&) = delete;
  ~RingReader();

  // Hands over up to `limit` records in order and frees them, at the latest when it returns. Returns how many there
  // were.
  std::size_t drain(std::size_t limit, const std::function<void(Bytes record)>& handle);
  // Sleeps until the kernel side wakes the reader (the ring fills), `wake_fd` is readable or `timeout` is over.
  void wait(Duration timeout) const;
  // Bytes between producer and consumer.
  std::uint64_t fill() const;
  std::uint32_t size() const { return bytes_; }

  // Wakes a wait() on another thread.
  void wake() const;

 private:
  RingReader() = default;
  Bytes record_at(std::uint64_t offset, std::uint32_t length);
  Fd epoll_;
  Fd wake_;
  std::atomic<std::uint64_t>* consumer_ = nullptr;
  const std::atomic<std::uint64_t>* producer_ = nullptr;
  const char* data_ = nullptr;
  std::string split_;  // the record that lies around the ring's end
  std::uint32_t bytes_ = 0;
  std::size_t page_ = 0;
};

}  // namespace telegen
