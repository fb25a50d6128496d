#include "delivery/queue_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace telegen {
namespace {

constexpr std::uint64_t kLargestSegment = 4ULL << 20;
constexpr std::uint64_t kSegmentsInLimit = 16;  // dropping the oldest costs about a sixteenth of what is held
constexpr std::uint32_t kBacklogTurn = 4;       // every fourth request is of the backlog
constexpr std::size_t kTriedInItsPlace = 4;     // of a suspect request, itself counted
constexpr Duration kAside = std::chrono::minutes(1);
constexpr std::uint32_t kMostDoublings = 6;  // of that

std::uint64_t segment_bytes(std::uint64_t limit) { return std::min(limit / kSegmentsInLimit, kLargestSegment); }

std::uint64_t allocated(const std::deque<std::unique_ptr<Segment>>& segments, SegmentMedium medium) {
  std::uint64_t bytes = 0;
  for (const auto& segment : segments) bytes += segment->slot.medium == medium ? segment->allocated : 0;
  return bytes;
}

}  // namespace

std::uint64_t queue_hash(const QueueKey& key) {  // FNV-1a
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](std::string_view text) {
    for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  };
  add(to_text(key.signal));
  add("/");
  add(key.destination);
  return hash;
}

QueueStore::QueueStore(QueuesSettings settings, SegmentSource& source, MetricRegistry& metrics)
    : settings_(std::move(settings)),
      resent_(metrics.counter("telegen_queue_resent_total",
                              "Of the recovered, those that had been sent without an answer: they may arrive twice.")),
      damaged_records_(metrics.counter("telegen_queue_damaged_records_total",
                                       "Requests, or stretches of them, of a segment that could not be read.")),
      damaged_bytes_(metrics.counter("telegen_queue_damaged_bytes_total", "Bytes of those.")),
      failures_(metrics.counter("telegen_queue_failures_total", "Segments that could not be opened or written.")),
      set_aside_(metrics.counter("telegen_queue_set_aside_total",
                                 "Times that a request was set aside: its receiver takes others, and not this one.")),
      pool_(source) {}

QueueId QueueStore::add(const QueueKey& key, const QueueSettings& limits, Ledger& ledger) {
  const std::scoped_lock lock(mutex_);
  for (QueueId id = 0; id < queues_.size(); ++id) {
    if (queues_[id]->key != key) continue;
    queues_[id]->limits = limits;
    return id;
  }
  auto queue = std::make_unique<Queue>();
  queue->key = key;
  queue->limits = limits;
  queue->ledger = &ledger;
  queues_.push_back(std::move(queue));
  return queues_.size() - 1;
}

Result<void> QueueStore::recover(Moment moment) {
  const std::scoped_lock lock(mutex_);
  auto left = pool_.recover([this](std::uint64_t bytes) {
    damaged_records_.add();
    damaged_bytes_.add(bytes);
  });
  if (!left) return std::unexpected(left.error());
  for (SegmentPool::Left& each : *left) take_over(std::move(each), moment);
  return {};
}

void QueueStore::take_over(SegmentPool::Left left, Moment moment) {
  damaged_records_.add(left.content.damaged_records);
  damaged_bytes_.add(left.content.damaged_bytes);
  const auto found = std::ranges::find_if(
      queues_, [&](const auto& queue) { return queue_hash(queue->key) == left.content.info.queue; });
  if (found == queues_.end()) {  // of a destination that the configuration does not name any more
    if (!left.content.unsettled.empty()) log_warn("a queue segment of a destination that is gone was dropped");
    pool_.give_back(std::move(left.segment));
    return;
  }
  Queue& queue = **found;
  queue.ledger->recover(left.content.damaged_items);
  queue.ledger->dropped(DropCause::kDamaged, left.content.damaged_items);
  for (const FoundRecord& record : left.content.unsettled) {
    // The wall clock may have been set since: nothing is from the future, and age is not negative.
    const std::uint64_t age = moment.wall.ns - std::min(moment.wall.ns, record.info.received.ns);
    const Time received{moment.now.ns - std::min(moment.now.ns, age)};
    queue.backlog.push_back({left.segment.get(), record.offset, record.info, received});
    queue.ledger->recover(record.info.items);
    if (record.in_flight) resent_.add(record.info.items);
  }
  if (left.content.unsettled.empty()) {
    pool_.give_back(std::move(left.segment));
  } else {
    queue.segments.push_back(std::move(left.segment));
  }
}

void QueueStore::append(QueueId id, const EncodedRequest& request, Moment moment) {
  const std::scoped_lock lock(mutex_);
  Queue& queue = at(id);
  const std::uint64_t age = moment.now.ns - std::min(moment.now.ns, request.received.ns);
  const RecordInfo info{.received = {moment.wall.ns - std::min(moment.wall.ns, age)},
                        .size = static_cast<std::uint32_t>(request.bytes.size()),
                        .items = request.items,
                        .plain_size = request.plain_size,
                        .compression = request.compression};
  Segment* segment = segment_for(queue, record_bytes(request.bytes.size()));
  auto offset = segment != nullptr ? pool_.append(*segment, queue_hash(queue.key), info, request.bytes)
                                   : Result<std::uint64_t>(fail("no segment can be had for the queue"));
  if (!offset) {
    complain(moment.now, offset.error());
    queue.ledger->dropped(DropCause::kQueueFull, request.items);
    return;
  }
  auto& lane = queue.reachable ? queue.live : queue.backlog;
  lane.push_back({segment, *offset, info, request.received});
}

// The segment that the next record goes to, after dropping what has to go for it.
Segment* QueueStore::segment_for(Queue& queue, std::uint64_t bytes) {
  const bool memory = !on_disk() || queue.segments.empty() || !queue.segments.back()->on_disk();
  if (memory) make_room_in_memory(queue, bytes);
  const std::uint64_t size = segment_bytes(on_disk() ? settings_.spool.max_size.bytes : queue.limits.mem_limit.bytes);
  if (!queue.segments.empty() && queue.segments.back()->has_room(bytes, size)) {
    // One that took the place of a disk which was full is written on only until there is room on the disk again.
    if (!on_disk() || queue.segments.back()->on_disk()) return queue.segments.back().get();
  }
  auto fresh = new_segment(std::max(size, bytes + kSegmentHeaderBytes));
  if (!fresh) return nullptr;
  queue.segments.push_back(std::move(*fresh));
  return queue.segments.back().get();
}

void QueueStore::make_room_in_memory(Queue& queue, std::uint64_t bytes) {
  while (allocated(queue.segments, SegmentMedium::kMemory) + bytes > queue.limits.mem_limit.bytes) {
    if (!drop_oldest_segment(queue)) return;  // all is in flight: for that long there is more than the limit
  }
}

Result<std::unique_ptr<Segment>> QueueStore::new_segment(std::uint64_t bytes) {
  if (on_disk()) {
    while (pool_.disk_bytes() + bytes > settings_.spool.max_size.bytes) {
      Queue* oldest = with_oldest_on_disk();
      if (oldest == nullptr || !drop_oldest_segment(*oldest)) break;
    }
    auto segment = pool_.take(SegmentMedium::kDisk, bytes);
    while (!segment && segment.error().code == ENOSPC) {  // the disk is full before the limit is reached
      Queue* oldest = with_oldest_on_disk();
      if (oldest == nullptr || !drop_oldest_segment(*oldest)) break;
      segment = pool_.take(SegmentMedium::kDisk, bytes);
    }
    if (segment) return segment;
    complain(monotonic_now(), segment.error());
  }
  return pool_.take(SegmentMedium::kMemory, bytes);
}

QueueStore::Queue* QueueStore::with_oldest_on_disk() {
  Queue* oldest = nullptr;
  std::uint64_t sequence = UINT64_MAX;
  for (const auto& queue : queues_) {
    const auto first = std::ranges::find_if(
        queue->segments, [](const auto& segment) { return segment->on_disk() && segment->unsettled > 0; });
    if (first == queue->segments.end() || (*first)->info.sequence >= sequence) continue;
    sequence = (*first)->info.sequence;
    oldest = queue.get();
  }
  return oldest;
}

// Drops what waits in the oldest segment that has any. False: nothing waits in this queue.
bool QueueStore::drop_oldest_segment(Queue& queue) {
  const Segment* oldest = nullptr;
  for (const Lane* lane : queue.lanes()) {
    if (lane->empty()) continue;
    const Segment* segment = oldest_of(queue, *lane).segment;
    if (oldest == nullptr || segment->info.sequence < oldest->info.sequence) oldest = segment;
  }
  if (oldest == nullptr) return false;
  for (Lane* lane : queue.lanes()) {
    Lane kept;
    Lane gone;
    for (const Waiting& one : *lane) (one.segment == oldest ? gone : kept).push_back(one);
    lane->swap(kept);
    for (const Waiting& one : gone) drop_one(queue, one, DropCause::kQueueFull);
  }
  return true;
}

// What is set aside is in the order of its next tries, all else in that of its places.
const QueueStore::Waiting& QueueStore::oldest_of(const Queue& queue, const Lane& lane) {
  if (&lane != &queue.aside) return lane.front();
  return *std::ranges::min_element(
      lane, {}, [](const Waiting& one) { return std::pair(one.segment->info.sequence, one.offset); });
}

void QueueStore::drop_one(Queue& queue, const Waiting& one, DropCause cause) {
  queue.ledger->dropped(cause, one.info.items);
  pool_.write_state(*one.segment, one.offset, RecordState::kSettled);
  done_with_one(queue, one.segment);
}

void QueueStore::done_with_one(Queue& queue, Segment* segment) {
  if (--segment->unsettled > 0) return;
  const auto it = std::ranges::find_if(queue.segments, [&](const auto& each) { return each.get() == segment; });
  if (!segment->sealed && it + 1 == queue.segments.end()) return pool_.rewind(*segment);
  pool_.give_back(std::move(*it));
  queue.segments.erase(it);
}

std::optional<TakenRequest> QueueStore::take(QueueId id, Time now, bool probing) {
  expire(id, now);
  const std::scoped_lock lock(mutex_);
  Queue& queue = at(id);
  Lane* lane = lane_to_take_from(queue, now);
  if (lane == nullptr) return std::nullopt;
  auto chosen = lane->begin();
  if (probing && lane != &queue.aside && chosen->unanswered >= kOftenUnanswered) {
    const auto few = static_cast<std::ptrdiff_t>(std::min(lane->size(), kTriedInItsPlace));
    chosen = std::ranges::min_element(lane->begin(), lane->begin() + few, {}, &Waiting::unanswered);
  }
  const Waiting one = *chosen;
  lane->erase(chosen);
  ++queue.in_flight;
  pool_.write_state(*one.segment, one.offset, RecordState::kInFlight);
  return TakenRequest{id, one.segment, one.offset, one.info, one.received, one.unanswered, lane == &queue.live};
}

// The one whose turn it is; null: nothing is to be taken now.
QueueStore::Lane* QueueStore::lane_to_take_from(Queue& queue, Time now) {
  if (!queue.aside.empty() && queue.aside.front().not_before <= now) return &queue.aside;
  if (queue.live.empty() && queue.backlog.empty()) return nullptr;
  const bool turn = ++queue.turn % kBacklogTurn == 0;
  const bool live = queue.backlog.empty() || (!queue.live.empty() && !turn);
  return live ? &queue.live : &queue.backlog;
}

Result<std::string> QueueStore::read(const TakenRequest& taken, std::size_t prefix) {
  const std::scoped_lock lock(mutex_);
  return pool_.read(*taken.segment, taken.offset, taken.info.size, prefix);
}

void QueueStore::settle(const TakenRequest& taken) {
  const std::scoped_lock lock(mutex_);
  Queue& queue = at(taken.queue);
  --queue.in_flight;
  pool_.write_state(*taken.segment, taken.offset, RecordState::kSettled);
  done_with_one(queue, taken.segment);
}

void QueueStore::put_back(const TakenRequest& taken, bool unanswered) {
  const std::scoped_lock lock(mutex_);
  Queue& queue = at(taken.queue);
  --queue.in_flight;
  pool_.write_state(*taken.segment, taken.offset, RecordState::kWaiting);
  Lane& lane = taken.live && queue.reachable ? queue.live : queue.backlog;
  // Several may be under way: each goes back to its place.
  const auto place = std::ranges::find_if(lane, [&](const Waiting& one) {
    return std::pair(one.segment->info.sequence, one.offset) > std::pair(taken.segment->info.sequence, taken.offset);
  });
  lane.insert(place,
              {taken.segment, taken.offset, taken.info, taken.received, taken.unanswered + (unanswered ? 1 : 0)});
}

void QueueStore::set_aside(const TakenRequest& taken, Time now) {
  const std::scoped_lock lock(mutex_);
  Queue& queue = at(taken.queue);
  --queue.in_flight;
  pool_.write_state(*taken.segment, taken.offset, RecordState::kWaiting);
  set_aside_.add();
  const std::uint32_t before = std::min(taken.unanswered, kOftenUnanswered - 1);  // it was set aside the first time
  const std::uint32_t doublings = std::min(taken.unanswered - before, kMostDoublings);
  const Time until = now + kAside * (1 << doublings);
  const auto place = std::ranges::upper_bound(queue.aside, until, {}, &Waiting::not_before);
  queue.aside.insert(place, {taken.segment, taken.offset, taken.info, taken.received, taken.unanswered + 1, until});
}

void QueueStore::set_reachable(QueueId id, bool reachable) {
  const std::scoped_lock lock(mutex_);
  Queue& queue = at(id);
  if (queue.reachable == reachable) return;
  queue.reachable = reachable;
  if (reachable) return;
  std::ranges::move(queue.live, std::back_inserter(queue.backlog));
  queue.live.clear();
}

bool QueueStore::empty(QueueId id) const {
  const std::scoped_lock lock(mutex_);
  return std::ranges::all_of(at(id).lanes(), &Lane::empty);
}

bool QueueStore::nothing_due(QueueId id, Time then) const {
  const std::scoped_lock lock(mutex_);
  const Queue& queue = at(id);
  return queue.live.empty() && queue.backlog.empty() && (queue.aside.empty() || queue.aside.front().not_before > then);
}

void QueueStore::expire(QueueId id, Time now) {
  const std::scoped_lock lock(mutex_);
  Queue& queue = at(id);
  const auto too_old = [&](const Waiting& one) { return now - one.received >= queue.limits.max_age; };
  for (Lane* lane : {&queue.backlog, &queue.live}) {
    while (!lane->empty() && too_old(lane->front())) {
      const Waiting one = lane->front();
      lane->pop_front();
      drop_one(queue, one, DropCause::kExpired);
    }
  }
  for (std::size_t i = queue.aside.size(); i-- > 0;) {  // in the order of their next tries
    if (const Waiting one = queue.aside[i]; too_old(one)) {
      queue.aside.erase(queue.aside.begin() + static_cast<std::ptrdiff_t>(i));
      drop_one(queue, one, DropCause::kExpired);
    }
  }
}

void QueueStore::drop_waiting(QueueId id, DropCause cause) {
  const std::scoped_lock lock(mutex_);
  Queue& queue = at(id);
  for (Lane* lane : queue.lanes()) {
    while (!lane->empty()) {
      const Waiting one = lane->front();
      lane->pop_front();
      drop_one(queue, one, cause);
    }
  }
}

QueueFigures QueueStore::figures(QueueId id) const {
  const std::scoped_lock lock(mutex_);
  const Queue& queue = at(id);
  QueueFigures figures{.requests = queue.in_flight,
                       .limit = on_disk() ? settings_.spool.max_size.bytes : queue.limits.mem_limit.bytes};
  figures.bytes = allocated(queue.segments, SegmentMedium::kMemory) + allocated(queue.segments, SegmentMedium::kDisk);
  for (const Lane* lane : queue.lanes()) {
    figures.requests += lane->size();
    if (lane->empty()) continue;
    const Time oldest = oldest_of(queue, *lane).received;
    figures.oldest = figures.oldest ? std::min(*figures.oldest, oldest) : oldest;
  }
  return figures;
}

void QueueStore::sync_if_due(Time now) {
  {
    const std::scoped_lock lock(mutex_);
    if (!on_disk() || settings_.spool.fsync == "never") return;
    if (settings_.spool.fsync == "interval" && now - synced_ < settings_.spool.fsync_interval) return;
    synced_ = now;
  }
  sync_now();
}

void QueueStore::sync_now() {
  std::vector<Fd> dirty;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& queue : queues_) {
      for (const auto& segment : queue->segments) {
        if (!std::exchange(segment->dirty, false)) continue;
        dirty.emplace_back(::fcntl(segment->file.get(), F_DUPFD_CLOEXEC, 0));
      }
    }
  }
  for (const Fd& file : dirty) {  // outside of the lock: it may take long
    if (file.valid()) static_cast<void>(::fdatasync(file.get()));
  }
}

void QueueStore::complain(Time now, const Error& error) {
  failures_.add();
  log_.warn(now, error.message + (on_disk() ? "; requests are kept in memory" : "; requests are dropped"));
}

}  // namespace telegen
