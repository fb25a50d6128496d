#include "ingest/kernel_counters.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace telegen {

Result<KernelCounters> KernelCounters::open(int fd) {
  const long cpus = ::sysconf(_SC_NPROCESSORS_CONF);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto rows = static_cast<std::size_t>(cpus > 0 ? cpus : 1);
  const std::size_t bytes = (rows * sizeof(tg_counter_row) + page - 1) / page * page;
  void* memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return fail_errno(errno, "map", "the kernel's counters", ErrorKind::kBpf);
  return KernelCounters(static_cast<const tg_counter_row*>(memory), rows, bytes);
}

KernelCounters::KernelCounters(KernelCounters&& other) noexcept
    : rows_(std::exchange(other.rows_, nullptr)), cpus_(other.cpus_), bytes_(other.bytes_) {}

KernelCounters::~KernelCounters() {
  if (rows_ != nullptr) ::munmap(const_cast<tg_counter_row*>(rows_), bytes_);
}

std::uint64_t KernelCounters::value(tg_counter counter) const {
  std::uint64_t sum = 0;
  for (std::size_t cpu = 0; cpu < cpus_; ++cpu) {
    sum += __atomic_load_n(&rows_[cpu].values[counter], __ATOMIC_RELAXED);  // the kernel adds to it meanwhile
  }
  return sum;
}

void KernelCounters::expose(MetricRegistry& registry) const {
  const auto add = [&](const char* name, const char* help, MetricLabels labels, tg_counter counter) {
    registry.observe(name, help, MetricKind::kCounter, std::move(labels),
                     [this, counter] { return static_cast<double>(value(counter)); });
  };
  add("telegen_ring_records_total", "Records that the kernel side wrote into the ring.", {}, TG_COUNT_EVENTS);
  add("telegen_ring_captured_bytes_total", "Application bytes in those records.", {}, TG_COUNT_BYTES);
  add("telegen_ring_written_bytes_total", "Bytes of those records.", {}, TG_COUNT_RING_BYTES);
  constexpr const char* kLost = "telegen_kernel_lost_total";
  constexpr const char* kLostHelp = "Events that the kernel side could not hand over, by cause.";
  add(kLost, kLostHelp, {{"cause", "ring_full"}}, TG_COUNT_RING_FULL);
  add(kLost, kLostHelp, {{"cause", "connection_table_full"}}, TG_COUNT_TABLE_FULL);
  add(kLost, kLostHelp, {{"cause", "memory_unreadable"}}, TG_COUNT_UNREADABLE);
  add(kLost, kLostHelp, {{"cause", "arguments_missing"}}, TG_COUNT_ARGUMENTS_LOST);
  add(kLost, kLostHelp, {{"cause", "suspended"}}, TG_COUNT_SUSPENDED);
  add("telegen_ring_lost_stream_bytes_total", "Stream bytes that records lost to a full ring told of.", {},
      TG_COUNT_RING_FULL_BYTES);
}

}  // namespace telegen
