#include "event_loop.h"

#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include "abi/event.h"

namespace telegen::app {
namespace {

constexpr std::size_t kRecordsAtOnce = 2048;
constexpr std::size_t kSmallestRecord = 16;  // bytes
// The kernel side wakes the reader only for a change of a process and when the ring fills; below that it looks by
// itself, the less often the longer nothing came. Not more often under load either: each round begins with the caches
// full of what others did meanwhile, which a longer one pays off.
constexpr Duration kShortestNap = std::chrono::milliseconds(40);
constexpr Duration kLongestNap = std::chrono::milliseconds(100);
constexpr Duration kHousekeeping = std::chrono::seconds(1);
constexpr Duration kSweep = std::chrono::minutes(1);

}  // namespace

EventLoop::EventLoop(EventLoopParts parts, ProcessCatalog& catalog, SpanIntake& intake, MetricRegistry& metrics)
    : parts_(std::move(parts)),
      catalog_(catalog),
      intake_(intake),
      malformed_(metrics.counter("telegen_ring_malformed_total", "Ring records that could not be read.")),
      unrecorded_(metrics.counter("telegen_unrecorded_total", "Ring records that the recording could not take.")),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void EventLoop::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  parts_.reader.wake();
  thread_.join();
}

void EventLoop::run(const std::stop_token& stop) {
  ::prctl(PR_SET_NAME, "ring");  // its CPU time is counted under it (governor/process_costs.h)
  take_connections();
  Duration nap = kShortestNap;
  while (!stop.stop_requested()) {
    housekeeping(monotonic_now());
    const std::size_t taken = drain_once();
    if (taken == kRecordsAtOnce) continue;
    nap = taken > 0 ? kShortestNap : std::min(nap * 2, kLongestNap);
    parts_.reader.wait(nap);
  }
  // Bounded: under load the ring may fill as fast as it is emptied.
  for (std::uint64_t left = parts_.reader.fill(), taken = 1; left > 0 && taken > 0;) {
    taken = drain_once();
    left -= std::min<std::uint64_t>(left, taken * kSmallestRecord);
  }
  finish_recording();
}

std::size_t EventLoop::drain_once() {
  const std::size_t taken = parts_.reader.drain(kRecordsAtOnce, [this](Bytes bytes) { on_record(bytes); });
  if (std::vector<Span>& spans = parts_.shard.spans(); !spans.empty()) {
    std::vector<Span> next;
    next.reserve(spans.size());  // a load is steady from one round to the next: nothing moves while these come in
    intake_.push(std::exchange(spans, std::move(next)), monotonic_now());
  }
  return taken;
}

void EventLoop::take_connections() {
  const Bytes all = parts_.connections;
  for (std::size_t at = 0; at + sizeof(tg_connection_event) <= all.size(); at += sizeof(tg_connection_event)) {
    on_record(all.substr(at, sizeof(tg_connection_event)));
  }
  std::string().swap(parts_.connections);
}

void EventLoop::on_record(Bytes bytes) {
  record(bytes);
  const auto event = decode_event(bytes);
  if (!event) return malformed_.add();
  if (const auto* process = std::get_if<ProcessEvent>(&event->body)) tell_catalog(*process, event->time);
  parts_.shard.on_event(*event);
}

void EventLoop::tell_catalog(const ProcessEvent& event, Time time) {
  switch (event.change) {
    case ProcessChange::kFork: return catalog_.on_fork(event.parent, event.process);
    case ProcessChange::kExec: return catalog_.on_exec(event.process, time, event.path);
    case ProcessChange::kMoved: return catalog_.learn(event.process);
    case ProcessChange::kExit: return catalog_.on_exit(event.process, time);
    case ProcessChange::kListen: return catalog_.on_listen(event.process, event.port);
    case ProcessChange::kRing: return catalog_.on_ring(event.process);
  }
}

void EventLoop::record(Bytes bytes) {
  if (parts_.recorder && !parts_.recorder->record(bytes)) unrecorded_.add();
}

void EventLoop::housekeeping(Time now) {
  if (now < next_housekeeping_) return;
  next_housekeeping_ = now + kHousekeeping;
  parts_.shard.set_clock(measure_clock_offset());
  parts_.shard.tick(now);
  catalog_.tick(now);
  if (now < next_sweep_) return;
  next_sweep_ = now + kSweep;
  parts_.shard.sweep(now);
}

// Who the recorded processes are, at the end: by then all of them are known.
void EventLoop::finish_recording() {
  if (!parts_.recorder) return;
  for (const auto& [pid, entry] : catalog_.snapshot()) {
    if (!parts_.recorder->process(pid, *entry->resource)) unrecorded_.add();
  }
  if (!parts_.recorder->finish()) unrecorded_.add();
}

}  // namespace telegen::app
