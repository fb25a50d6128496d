#include "pipeline/span_queue.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <unordered_set>
#include <utility>

namespace telegen {
namespace {

constexpr std::array<std::string_view, kDropCauses> kCauseNames = {"sampled_out", "queue_full", "expired", "rejected",
                                                                   "refused",     "oversized",  "shutdown"};

// Longer than this libstdc++ keeps a string's text outside of it.
const std::size_t kInlineText = std::string().capacity();

std::size_t owned_bytes(const std::string& text) { return text.capacity() > kInlineText ? text.capacity() + 1 : 0; }

std::size_t owned_bytes(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return owned_bytes(*text);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    std::size_t bytes = list->capacity() * sizeof(std::string);
    for (const std::string& text : *list) bytes += owned_bytes(text);
    return bytes;
  }
  return 0;
}

std::size_t owned_bytes(const Attributes& attributes) {
  std::size_t bytes = attributes.capacity() * sizeof(Attribute);
  for (const Attribute& attribute : attributes) bytes += owned_bytes(attribute.value);
  return bytes;
}

}  // namespace

std::string_view to_text(DropCause cause) { return kCauseNames[static_cast<std::size_t>(cause)]; }

bool Accounting::balanced() const {
  return received == std::accumulate(dropped.begin(), dropped.end(), exported + held);
}

std::size_t held_bytes(const Span& span) {
  std::size_t bytes = sizeof(Span) + owned_bytes(span.name) + owned_bytes(span.trace_state) +
                      owned_bytes(span.status_message) + owned_bytes(span.attributes) +
                      span.events.capacity() * sizeof(SpanEvent);
  for (const SpanEvent& event : span.events) bytes += owned_bytes(event.name) + owned_bytes(event.attributes);
  return bytes;
}

std::size_t held_bytes(const Resource& resource) {
  std::size_t bytes = sizeof(Resource) + resource.attributes.capacity() * sizeof(OwnedAttribute);
  for (const OwnedAttribute& one : resource.attributes) bytes += owned_bytes(one.key) + owned_bytes(one.value);
  return bytes;
}

SpanQueue::Meters SpanQueue::make_meters(MetricRegistry& metrics) {
  Meters meters{
      .received = metrics.counter("telegen_spans_received_total", "Spans that were made, before sampling."),
      .exported = metrics.counter("telegen_spans_exported_total", "Spans that an output took."),
      .dropped = {},
      .held = metrics.gauge("telegen_queue_spans", "Spans that wait or are being sent.", {{"signal", "traces"}}),
      .held_bytes = metrics.gauge("telegen_queue_bytes", "Memory of the spans that wait or are being sent.",
                                  {{"signal", "traces"}}),
  };
  for (std::size_t i = 0; i < kDropCauses; ++i) {
    meters.dropped[i] = &metrics.counter("telegen_spans_dropped_total", "Spans that were not exported, by cause.",
                                         {{"cause", std::string(kCauseNames[i])}});
  }
  return meters;
}

SpanQueue::SpanQueue(const QueueSettings& settings, MetricRegistry& metrics)
    : settings_(settings), meters_(make_meters(metrics)) {}

void SpanQueue::push(std::vector<Span> spans, Time now, std::size_t sampled_out) {
  std::vector<std::size_t> sizes;
  sizes.reserve(spans.size());
  std::size_t bytes = 0;
  for (const Span& span : spans) bytes += sizes.emplace_back(held_bytes(span));
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    const std::size_t before = waiting_;
    account_.received += spans.size() + sampled_out;
    meters_.received.add(spans.size() + sampled_out);
    account_.held += spans.size();
    account_.held_bytes += bytes;
    waiting_ += spans.size();
    waiting_bytes_ += bytes;
    if (!spans.empty()) chunks_.push_back({std::move(spans), std::move(sizes), 0, now});
    if (sampled_out != 0) count_drop(DropCause::kSampledOut, sampled_out);
    drop_above_limit();
    publish();
    // The first span starts the clock of its batch, the last one fills it; those between wake nobody.
    wake = wanted_ != 0 && waiting_ != 0 && (before == 0 || (before < wanted_ && waiting_ >= wanted_));
  }
  if (wake) changed_.notify_one();
  settled_changed_.notify_all();  // costs nothing while nobody waits for a flush
}

std::size_t SpanQueue::drop_oldest() {
  Chunk& chunk = chunks_.front();
  const std::size_t bytes = chunk.bytes[chunk.next];
  chunk.spans[chunk.next] = Span{};  // its memory is free now, not when the chunk is
  ++chunk.next;
  --waiting_;
  waiting_bytes_ -= bytes;
  if (chunk.next == chunk.spans.size()) chunks_.pop_front();
  return bytes;
}

void SpanQueue::drop_above_limit() {
  std::uint64_t too_many = 0;
  while (account_.held_bytes > settings_.mem_limit.bytes && waiting_ != 0) {
    account_.held_bytes -= drop_oldest();
    ++too_many;
  }
  account_.held -= too_many;
  if (too_many != 0) count_drop(DropCause::kQueueFull, too_many);
}

void SpanQueue::resolve(const std::unordered_map<std::uint32_t, ResourcePtr>& by_process) {
  {
    const std::scoped_lock lock(mutex_);
    std::unordered_set<std::uint32_t> counted;
    for (Chunk& chunk : chunks_) {
      for (std::size_t i = chunk.next; i < chunk.spans.size(); ++i) {
        Span& span = chunk.spans[i];
        if (span.resource) continue;
        const auto known = by_process.find(span.process);
        if (known == by_process.end()) continue;
        span.resource = known->second;
        if (!counted.insert(span.process).second) continue;
        const std::size_t bytes = held_bytes(*span.resource);
        chunk.bytes[i] += bytes;
        waiting_bytes_ += bytes;
        account_.held_bytes += bytes;
      }
    }
    drop_above_limit();
    publish();
  }
  settled_changed_.notify_all();
}

Batch SpanQueue::take(std::size_t size, Duration timeout, const std::function<Time()>& clock,
                      const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wanted_ = size;
  while (!stop.stop_requested() && !(waiting_ != 0 && is_full_batch(size))) {
    if (waiting_ == 0) {
      changed_.wait(lock, stop, [&] { return waiting_ != 0; });
      continue;
    }
    const Duration left = timeout - (clock() - chunks_.front().received);
    if (left <= Duration::zero()) break;
    changed_.wait_for(lock, stop, left, [&] { return waiting_ != 0 && is_full_batch(size); });
  }
  wanted_ = 0;
  Batch batch;
  const std::size_t count = std::min(size, waiting_);
  batch.spans.reserve(count);
  batch.received.reserve(count);
  while (batch.spans.size() < count) {
    Chunk& chunk = chunks_.front();
    batch.bytes += chunk.bytes[chunk.next];
    batch.received.push_back(chunk.received);
    batch.spans.push_back(std::move(chunk.spans[chunk.next]));
    if (++chunk.next == chunk.spans.size()) chunks_.pop_front();
  }
  waiting_ -= count;
  waiting_bytes_ -= batch.bytes;
  return batch;
}

void SpanQueue::settle(const Settlement& settlement, std::size_t bytes) {
  {
    const std::scoped_lock lock(mutex_);
    account_.exported += settlement.exported;
    meters_.exported.add(settlement.exported);
    account_.held -= settlement.exported;
    account_.held_bytes -= bytes;
    for (std::size_t i = 0; i < kDropCauses; ++i) {
      account_.held -= settlement.dropped[i];
      if (settlement.dropped[i] != 0) count_drop(static_cast<DropCause>(i), settlement.dropped[i]);
    }
    publish();
  }
  settled_changed_.notify_all();
}

void SpanQueue::expire(Time now) {
  {
    const std::scoped_lock lock(mutex_);
    std::uint64_t spans = 0;
    while (waiting_ != 0 && now - chunks_.front().received >= settings_.max_age) {
      account_.held_bytes -= drop_oldest();
      ++spans;
    }
    if (spans == 0) return;
    account_.held -= spans;
    count_drop(DropCause::kExpired, spans);
    publish();
  }
  settled_changed_.notify_all();
}

void SpanQueue::drop_all(DropCause cause) {
  {
    const std::scoped_lock lock(mutex_);
    account_.held -= waiting_;
    account_.held_bytes -= waiting_bytes_;
    count_drop(cause, waiting_);
    chunks_.clear();
    waiting_ = 0;
    waiting_bytes_ = 0;
    publish();
  }
  settled_changed_.notify_all();
}

void SpanQueue::request_flush() {
  {
    const std::scoped_lock lock(mutex_);
    flush_until_ = account_.received;
  }
  changed_.notify_one();
}

bool SpanQueue::wait_settled(Duration timeout) {
  std::unique_lock lock(mutex_);
  const std::uint64_t target = account_.received;
  return settled_changed_.wait_for(lock, timeout, [&] { return settled() >= target; });
}

Accounting SpanQueue::accounting() const {
  const std::scoped_lock lock(mutex_);
  return account_;
}

std::uint64_t SpanQueue::settled() const { return account_.received - account_.held; }

void SpanQueue::count_drop(DropCause cause, std::uint64_t spans) {
  const auto i = static_cast<std::size_t>(cause);
  account_.dropped[i] += spans;
  meters_.dropped[i]->add(spans);
}

void SpanQueue::publish() {
  meters_.held.set(static_cast<std::int64_t>(account_.held));
  meters_.held_bytes.set(static_cast<std::int64_t>(account_.held_bytes));
}

}  // namespace telegen
