// A store with a clock and a place for segments that the tests hold in their hands.
#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "delivery/queue_store.h"
#include "delivery/segment_source.h"

namespace telegen::testing {

using namespace std::chrono_literals;

// Disk that is memory, of a size of its own, which outlives the stores that use it.
class FakeDisk final : public SegmentSource {
 public:
  Result<Fd> open(SegmentSlot slot) override {
    if (refuse) return fail_errno(EIO, "open", "a segment");
    return memory_.open({SegmentMedium::kMemory, slot.number + (slot.medium == SegmentMedium::kDisk ? 5000U : 0U)});
  }
  Result<std::vector<SegmentSlot>> existing() override {
    auto slots = memory_.existing();
    for (SegmentSlot& slot : *slots) {
      if (slot.number >= 5000) slot = {SegmentMedium::kDisk, slot.number - 5000};
    }
    return slots;
  }
  bool refuse = false;

 private:
  OwnMemory memory_;
};

inline EncodedRequest request_of(std::uint32_t items, std::size_t size, Time received, char fill = 'x') {
  return {.bytes = std::string(size, fill),
          .compression = Compression::kGzip,
          .items = items,
          .plain_size = static_cast<std::uint32_t>(size * 8),
          .received = received};
}

constexpr Time kNow{1'000'000'000'000};
constexpr UnixTime kWall{1'800'000'000'000'000'000};
inline Moment after(Duration d) { return {kNow + d, {kWall.ns + static_cast<std::uint64_t>(d.count())}}; }

struct StoreRig {
  explicit StoreRig(SegmentSource& segments, const QueuesSettings& settings = {})
      : store(std::make_unique<QueueStore>(settings, segments, metrics)),
        queue(store->add({Signal::kTraces, "otlp"}, settings.traces, ledger)) {}
  void append(std::uint32_t items, std::size_t size = 1000, Duration at = {}, char fill = 'x') {
    ledger.receive(items);
    store->append(queue, request_of(items, size, kNow + at, fill), after(at));
  }
  // Everything that waits, as its items, in the order in which it is taken.
  std::vector<std::uint32_t> drain(Duration at = {}) {
    std::vector<std::uint32_t> items;
    while (const auto taken = store->take(queue, kNow + at)) {
      items.push_back(taken->info.items);
      ledger.exported(taken->info.items);
      store->settle(*taken);
    }
    return items;
  }
  double metric(std::string_view name) const {
    double found = -1;
    metrics.visit([&](const MetricSample& sample) {
      if (sample.name == name) found = sample.value;
    });
    return found;
  }
  MetricRegistry metrics;
  SignalLedgers ledgers;
  Ledger& ledger = ledgers.destination("otlp");
  std::unique_ptr<QueueStore> store;
  QueueId queue;
};

}  // namespace telegen::testing
