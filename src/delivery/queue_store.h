// Holds encoded requests until a receiver has them: the queues of all signals and destinations, in segments of memory
// or disk. Bounded in bytes, the oldest whole segment dropped first, never what is in flight; everything counted in the
// ledgers.
//
// A queue has two lanes. What comes while its receiver can be reached is live. What waits when the receiver goes, and
// what comes while it is away, is backlog, as is what another worker left. Each lane is in order; live requests go
// first, and every fourth is of the backlog, so that neither waits for the end of the other.
//
// A request that a receiver never answers, while it takes others, must not hold those up: it is set aside and tried
// seldom. To find that out, one that went unanswered again and again lets the next few be tried in its place. A
// receiver that cannot be reached, or asks for patience, says nothing about the request.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/time.h"
#include "delivery/ledger.h"
#include "delivery/segment_pool.h"
#include "delivery/settings.h"
#include "model/signal.h"

namespace telegen {

struct EncodedRequest {
  std::string bytes;  // compressed
  Compression compression = Compression::kNone;
  std::uint32_t items = 0;
  std::uint32_t plain_size = 0;
  Time received;  // of its oldest item
};

using QueueId = std::size_t;

// Sent so often without an answer, a request is suspect.
constexpr std::uint32_t kOftenUnanswered = 5;

// Whose queue it is. The destination's name, not its address, which may change and means the same receiver.
struct QueueKey {
  Signal signal = Signal::kTraces;
  std::string destination;
  bool operator==(const QueueKey&) const = default;
};
std::uint64_t queue_hash(const QueueKey& key);

struct QueueFigures {
  std::uint64_t requests = 0;  // waiting or in flight
  std::uint64_t bytes = 0;     // of memory or disk that they keep, whole segments counted
  std::uint64_t limit = 0;
  std::optional<Time> oldest;
};

struct Moment {
  Time now;
  UnixTime wall;
};

// One request that was taken out and still belongs to the queue.
struct TakenRequest {
  QueueId queue = 0;
  Segment* segment = nullptr;
  std::uint64_t offset = 0;  // of its record
  RecordInfo info;
  Time received;
  std::uint32_t unanswered = 0;  // how often it was sent and no answer came, this time not counted
  bool live = false;
};

// Thread safe; calls that touch files hold the lock for as long as writing to the page cache takes.
class QueueStore {
 public:
  QueueStore(QueuesSettings settings, SegmentSource& source, MetricRegistry& metrics);

  // One for each key; again with the same key, limits change. The ledger outlives the store.
  QueueId add(const QueueKey& key, const QueueSettings& limits, Ledger& ledger);
  // Takes over what is in the segments that exist: to the backlogs of the queues added before this.
  Result<void> recover(Moment moment);

  // Where there is no room even after dropping, it is the request itself that is dropped.
  void append(QueueId queue, const EncodedRequest& request, Moment moment);
  // The next request, after dropping those that are too old. `probing`: to see whether the receiver answers again; a
  // suspect request lets others be tried.
  std::optional<TakenRequest> take(QueueId queue, Time now, bool probing = false);
  // Its bytes, with `prefix` bytes of any value before them.
  Result<std::string> read(const TakenRequest& taken, std::size_t prefix);
  // It is exported or dropped, which the ledger was told by the caller.
  void settle(const TakenRequest& taken);
  // It was not taken by the receiver: in its lane again, where it was. `unanswered`: it went out and no answer came.
  void put_back(const TakenRequest& taken, bool unanswered = false);
  // No answer to it again, while others get one: it waits, the longer the more often.
  void set_aside(const TakenRequest& taken, Time now);
  // Whether the receiver can be reached: what is appended is live or backlog. Going, it makes all backlog.
  void set_reachable(QueueId queue, bool reachable);

  bool empty(QueueId queue) const;
  // Nothing that could be taken until `then`: it is empty but for what is set aside for longer.
  bool nothing_due(QueueId queue, Time then) const;
  void expire(QueueId queue, Time now);
  void drop_waiting(QueueId queue, DropCause cause);
  QueueFigures figures(QueueId queue) const;
  // True where what is held outlives this process.
  bool on_disk() const { return !settings_.spool.directory.empty(); }
  // Forces what was written to the disk, if it is time to.
  void sync_if_due(Time now);
  void sync_now();

 private:
  struct Waiting {  // one request in a lane
    Segment* segment;
    std::uint64_t offset;
    RecordInfo info;
    Time received;
    std::uint32_t unanswered = 0;
    Time not_before = {};  // set aside until then
  };
  using Lane = std::deque<Waiting>;
  struct Queue {
    QueueKey key;
    QueueSettings limits;
    Ledger* ledger;
    Lane live;
    Lane backlog;
    Lane aside;
    std::array<Lane*, 3> lanes() { return {&backlog, &live, &aside}; }
    std::array<const Lane*, 3> lanes() const { return {&backlog, &live, &aside}; }
    std::deque<std::unique_ptr<Segment>> segments;  // oldest first; the last is written to
    std::uint64_t in_flight = 0;
    bool reachable = true;
    std::uint32_t turn = 0;
  };

  static Lane* lane_to_take_from(Queue& queue, Time now);
  static const Waiting& oldest_of(const Queue& queue, const Lane& lane);  // which is not empty
  Queue& at(QueueId queue) { return *queues_[queue]; }
  const Queue& at(QueueId queue) const { return *queues_[queue]; }
  Segment* segment_for(Queue& queue, std::uint64_t bytes);
  Result<std::unique_ptr<Segment>> new_segment(std::uint64_t bytes);
  void make_room_in_memory(Queue& queue, std::uint64_t bytes);
  bool drop_oldest_segment(Queue& queue);
  Queue* with_oldest_on_disk();
  void take_over(SegmentPool::Left left, Moment moment);
  void drop_one(Queue& queue, const Waiting& one, DropCause cause);
  void done_with_one(Queue& queue, Segment* segment);
  void complain(Time now, const Error& error);

  const QueuesSettings settings_;
  Counter& resent_;
  Counter& damaged_records_;
  Counter& damaged_bytes_;
  Counter& failures_;
  Counter& set_aside_;
  mutable std::mutex mutex_;
  SegmentPool pool_;
  std::vector<std::unique_ptr<Queue>> queues_;
  RepeatedLog log_;
  Time synced_;
};

}  // namespace telegen
