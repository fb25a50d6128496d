// A BPF array map (BPF_F_MMAPABLE) as memory of this process. T is the map's value type.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <utility>

#include "base/result.h"

namespace telegen {

template <class T>
class MappedArray {
 public:
  static_assert(sizeof(T) % 8 == 0, "the kernel pads elements to 8 bytes");

  static Result<MappedArray> map(int fd, std::size_t entries, int protection = PROT_READ | PROT_WRITE) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t bytes = (entries * sizeof(T) + page - 1) / page * page;
    void* memory = ::mmap(nullptr, bytes, protection, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return fail_errno(errno, "map", "a BPF array", ErrorKind::kBpf);
    return MappedArray(static_cast<T*>(memory), entries, bytes);
  }

  MappedArray() = default;
  MappedArray(MappedArray&& other) noexcept { swap(other); }
  MappedArray& operator=(MappedArray&& other) noexcept {
    swap(other);
    return *this;
  }
  ~MappedArray() {
    if (data_ != nullptr) ::munmap(data_, bytes_);
  }

  std::span<T> values() const { return {data_, entries_}; }

 private:
  MappedArray(T* data, std::size_t entries, std::size_t bytes) : data_(data), entries_(entries), bytes_(bytes) {}
  void swap(MappedArray& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(entries_, other.entries_);
    std::swap(bytes_, other.bytes_);
  }
  T* data_ = nullptr;
  std::size_t entries_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace telegen
