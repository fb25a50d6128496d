// The one door into the pipeline: what makes spans pushes them here, and the batcher takes them. Bounded in bytes, for
// the case that the batcher cannot keep up: the oldest are dropped first, and counted.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/time.h"
#include "delivery/ledger.h"
#include "model/span.h"

namespace telegen {

constexpr std::size_t kIntakeBytes = 64UL << 20;

struct SpanBatch {
  std::vector<Span> spans;
  Time received;  // of the oldest
};

// Any number of threads push; one takes.
class SpanIntake {
 public:
  // `ledger` outlives it.
  explicit SpanIntake(Ledger& ledger, std::size_t limit_bytes = kIntakeBytes) : ledger_(ledger), limit_(limit_bytes) {}

  // One lock for the lot.
  void push(std::vector<Span> spans, Time now);
  // Blocks until `size` spans wait, or some wait and `timeout` is over since the oldest came, or flush or stop is asked
  // for, or `until` (if any) has come; an empty intake costs nothing. Returns at most `size` spans.
  SpanBatch take(std::size_t size, Duration timeout, const std::function<Time()>& clock, const std::stop_token& stop,
                 std::optional<Time> until = {});
  // take() stops waiting for full batches until all that is here now is taken.
  void request_flush();
  std::size_t waiting() const;
  std::size_t bytes() const;

 private:
  struct Chunk {  // what one push brought
    std::vector<Span> spans;
    std::vector<std::size_t> bytes;  // held by each: counted once, while the spans are still in the cache
    std::size_t next = 0;            // those before were taken or dropped
    Time received;
  };
  bool is_full_batch(std::size_t size) const { return waiting_ >= size || flush_; }
  void drop_oldest();

  Ledger& ledger_;
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Chunk> chunks_;
  std::size_t waiting_ = 0;
  std::size_t bytes_ = 0;
  std::size_t wanted_ = 0;  // take() waits for as many; 0: it does not wait
  bool flush_ = false;
};

}  // namespace telegen
