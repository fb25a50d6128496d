#include "ingest/ring_reader.h"

#include <linux/bpf.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace telegen {
namespace {

constexpr std::uint32_t kHeader = BPF_RINGBUF_HDR_SZ;

Result<void> watch(int epoll, int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno(errno, "watch", "the ring");
  return {};
}

}  // namespace

Result<RingReader> RingReader::open(int fd, std::uint32_t bytes) {
  RingReader reader;
  reader.page_ = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  reader.bytes_ = bytes;
  void* consumer = ::mmap(nullptr, reader.page_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (consumer == MAP_FAILED) return fail_errno(errno, "map", "the ring's consumer page", ErrorKind::kBpf);
  reader.consumer_ = static_cast<std::atomic<std::uint64_t>*>(consumer);
  void* producer = ::mmap(nullptr, reader.page_ + bytes, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(reader.page_));
  if (producer == MAP_FAILED) return fail_errno(errno, "map", "the ring's data", ErrorKind::kBpf);
  reader.producer_ = static_cast<const std::atomic<std::uint64_t>*>(producer);
  reader.data_ = static_cast<const char*>(producer) + reader.page_;
  reader.epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  reader.wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!reader.epoll_.valid() || !reader.wake_.valid()) return fail_errno(errno, "create", "an epoll instance");
  if (auto watched = watch(reader.epoll_.get(), fd); !watched) return std::unexpected(watched.error());
  if (auto watched = watch(reader.epoll_.get(), reader.wake_.get()); !watched) return std::unexpected(watched.error());
  return reader;
}

RingReader::RingReader(RingReader&& other) noexcept
    : epoll_(std::move(other.epoll_)),
      wake_(std::move(other.wake_)),
      consumer_(std::exchange(other.consumer_, nullptr)),
      producer_(std::exchange(other.producer_, nullptr)),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(other.bytes_),
      page_(other.page_) {}

RingReader::~RingReader() {
  if (consumer_ != nullptr) ::munmap(consumer_, page_);
  if (producer_ != nullptr) {
    ::munmap(const_cast<std::atomic<std::uint64_t>*>(producer_), page_ + bytes_);
  }
}

std::size_t RingReader::drain(std::size_t limit, const std::function<void(Bytes record)>& handle) {
  std::size_t handled = 0;
  std::uint64_t at = consumer_->load(std::memory_order_relaxed);
  // Both positions are lines that the kernel's CPUs write and read for every record: touched here once in a while only.
  std::uint64_t end = producer_->load(std::memory_order_acquire);
  const std::uint64_t release_after = bytes_ / 16;
  std::uint64_t released = at;
  while (handled < limit && (at < end || at < (end = producer_->load(std::memory_order_acquire)))) {
    const char* header = data_ + (at & (bytes_ - 1));
    const std::uint32_t word =
        reinterpret_cast<const std::atomic<std::uint32_t>*>(header)->load(std::memory_order_acquire);
    if ((word & BPF_RINGBUF_BUSY_BIT) != 0) break;  // reserved, still being written
    const std::uint32_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    if ((word & BPF_RINGBUF_DISCARD_BIT) == 0) {
      handle(record_at((at + kHeader) & (bytes_ - 1), length));
      ++handled;
    }
    at += (length + kHeader + 7) / 8 * 8;
    if (at - released >= release_after) {
      consumer_->store(at, std::memory_order_release);
      released = at;
    }
  }
  if (at != released) consumer_->store(at, std::memory_order_release);
  return handled;
}

Bytes RingReader::record_at(std::uint64_t offset, std::uint32_t length) {
  const std::uint64_t until_end = bytes_ - offset;
  if (length <= until_end) return {data_ + offset, length};
  split_.assign(data_ + offset, until_end);
  split_.append(data_, length - until_end);
  return split_;
}

void RingReader::wait(Duration timeout) const {
  epoll_event event;
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  const int ready = ::epoll_wait(epoll_.get(), &event, 1, static_cast<int>(milliseconds));
  if (ready == 1 && event.data.fd == wake_.get()) {
    std::uint64_t count = 0;
    static_cast<void>(::read(wake_.get(), &count, sizeof count));
  }
}

void RingReader::wake() const {
  const std::uint64_t one = 1;
  static_cast<void>(::write(wake_.get(), &one, sizeof one));
}

std::uint64_t RingReader::fill() const {
  return producer_->load(std::memory_order_relaxed) - consumer_->load(std::memory_order_relaxed);
}

}  // namespace telegen
