// The counters that the BPF programs keep (bpf/abi/event.h, tg_counter), read from mapped memory. Any thread may read.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/event.h"
#include "base/metrics.h"
#include "base/result.h"

namespace telegen {

class KernelCounters {
 public:
  static Result<KernelCounters> open(int fd);
  KernelCounters(KernelCounters&& other) noexcept;
  KernelCounters& operator=(KernelCounters&&) = delete;
  ~KernelCounters();

  std::uint64_t value(tg_counter counter) const;  // the sum over all CPUs
  // Registers them under their public names. `registry` must not outlive this object.
  void expose(MetricRegistry& registry) const;

 private:
  KernelCounters(const tg_counter_row* rows, std::size_t cpus, std::size_t bytes)
      : rows_(rows), cpus_(cpus), bytes_(bytes) {}
  const tg_counter_row* rows_;
  std::size_t cpus_;
  std::size_t bytes_;
};

}  // namespace telegen
