// Where spans wait to be exported: bounded in bytes, oldest dropped first, everything counted.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "base/time.h"
#include "model/span.h"
#include "pipeline/settings.h"

namespace telegen {

// Why a span that was received is not exported.
enum class DropCause : std::uint8_t {
  kSampledOut,  // by the configured sampler
  kQueueFull,   // the byte limit
  kExpired,     // older than max_age
  kRejected,    // by the receiver, in a partial success
  kRefused,     // permanent failure of the output
  kOversized,   // larger than a request may be
  kShutdown,    // still held when shutdown_timeout was over
};
constexpr std::size_t kDropCauses = 7;
std::string_view to_text(DropCause cause);

// received == exported + the sum of dropped + held, in every value of it.
struct Accounting {
  std::uint64_t received = 0;
  std::uint64_t exported = 0;
  std::array<std::uint64_t, kDropCauses> dropped{};
  std::uint64_t held = 0;        // waiting or in flight
  std::uint64_t held_bytes = 0;  // of those
  std::uint64_t dropped_by(DropCause cause) const { return dropped[static_cast<std::size_t>(cause)]; }
  bool balanced() const;
};

// The memory that a span keeps: itself and what it owns. Resources are shared and belong to discovery's account.
std::size_t held_bytes(const Span& span);
std::size_t held_bytes(const Resource& resource);

// What one batch became; the sum of all is its size.
struct Settlement {
  std::uint64_t exported = 0;
  std::array<std::uint64_t, kDropCauses> dropped{};
  std::uint64_t& operator[](DropCause cause) { return dropped[static_cast<std::size_t>(cause)]; }
};

// Spans taken out, which still count as held until they are settled. `received` is per span, oldest first.
struct Batch {
  std::vector<Span> spans;
  std::vector<Time> received;
  std::size_t bytes = 0;  // as they were counted when they were pushed
};

// Any number of threads push; one takes.
class SpanQueue {
 public:
  SpanQueue(const QueueSettings& settings, MetricRegistry& metrics);

  // One lock for the lot. `sampled_out` spans were received as well but are gone already.
  void push(std::vector<Span> spans, Time now, std::size_t sampled_out = 0);

  // Blocks until `size` spans wait, or some wait and `timeout` is over since the oldest came, or flush or stop is asked
  // for; an empty queue costs nothing. Returns at most `size` spans; none only after stop.
  Batch take(std::size_t size, Duration timeout, const std::function<Time()>& clock, const std::stop_token& stop);

  // Ends the account of spans that take() gave; `bytes` are those of the batch that are no longer held.
  void settle(const Settlement& settlement, std::size_t bytes);
  // Gives the spans that wait and come from one of these processes its resource, as whoever knows the processes is
  // about to forget them. From now on a resource that was given counts as held by the first span that has it.
  void resolve(const std::unordered_map<std::uint32_t, ResourcePtr>& by_process);
  // Drops what waits and is too old.
  void expire(Time now);
  // Drops all that waits.
  void drop_all(DropCause cause);

  // take() stops waiting for full batches until all that is in the queue now is settled.
  void request_flush();
  // True: all that had been received at the call of this function is settled; false: the time was over first.
  bool wait_settled(Duration timeout);

  Accounting accounting() const;

 private:
  struct Chunk {  // what one push brought
    std::vector<Span> spans;
    std::vector<std::size_t> bytes;  // held by each: counted once, while the spans are still in the cache
    std::size_t next = 0;            // those before were taken or dropped
    Time received;
  };
  struct Meters {
    Counter& received;
    Counter& exported;
    std::array<Counter*, kDropCauses> dropped;
    Gauge& held;
    Gauge& held_bytes;
  };
  static Meters make_meters(MetricRegistry& metrics);

  bool is_full_batch(std::size_t size) const { return waiting_ >= size || settled() < flush_until_; }
  std::size_t drop_oldest();
  void drop_above_limit();
  void count_drop(DropCause cause, std::uint64_t spans);
  void publish();
  std::uint64_t settled() const;

  const QueueSettings settings_;
  Meters meters_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;      // for take()
  std::condition_variable settled_changed_;  // for wait_settled()
  std::deque<Chunk> chunks_;
  std::size_t waiting_ = 0;  // spans in chunks_
  std::size_t waiting_bytes_ = 0;
  std::size_t wanted_ = 0;         // take() waits for as many; 0: it does not wait
  std::uint64_t flush_until_ = 0;  // a number of settled spans
  Accounting account_;
};

}  // namespace telegen
