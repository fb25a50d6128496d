#include "pipeline/span_intake.h"

#include <algorithm>
#include <utility>

#include "processing/span_memory.h"

namespace telegen {

void SpanIntake::push(std::vector<Span> spans, Time now) {
  if (spans.empty()) return;
  std::vector<std::size_t> sizes;
  sizes.reserve(spans.size());
  std::size_t bytes = 0;
  for (const Span& span : spans) bytes += sizes.emplace_back(memory_of(span));
  ledger_.receive(spans.size());
  bool wake = false;
  std::uint64_t too_many = 0;
  {
    const std::scoped_lock lock(mutex_);
    const std::size_t before = waiting_;
    waiting_ += spans.size();
    bytes_ += bytes;
    chunks_.push_back({std::move(spans), std::move(sizes), 0, now});
    for (; bytes_ > limit_ && waiting_ != 0; ++too_many) drop_oldest();
    // The first span starts the clock of its batch, the last one fills it; those between wake nobody.
    wake = wanted_ != 0 && waiting_ != 0 && (before == 0 || (before < wanted_ && waiting_ >= wanted_));
  }
  ledger_.dropped(DropCause::kQueueFull, too_many);
  if (wake) changed_.notify_one();
}

void SpanIntake::drop_oldest() {
  Chunk& chunk = chunks_.front();
  bytes_ -= chunk.bytes[chunk.next];
  chunk.spans[chunk.next] = Span{};  // its memory is free now, not when the chunk is
  --waiting_;
  if (++chunk.next == chunk.spans.size()) chunks_.pop_front();
}

SpanBatch SpanIntake::take(std::size_t size, Duration timeout, const std::function<Time()>& clock,
                           const std::stop_token& stop, std::optional<Time> until) {
  std::unique_lock lock(mutex_);
  wanted_ = size;
  while (!stop.stop_requested() && !(waiting_ != 0 && is_full_batch(size))) {
    if (flush_) break;  // nothing is here
    const Time now = clock();
    std::optional<Duration> left;
    if (waiting_ != 0) left = timeout - (now - chunks_.front().received);
    if (until) left = std::min(left.value_or(*until - now), *until - now);
    if (left && *left <= Duration::zero()) break;
    const auto ready = [&] { return flush_ || (waiting_ != 0 && (!left || is_full_batch(size))); };
    if (left) {
      const bool had_some = waiting_ != 0;
      changed_.wait_for(lock, stop, *left, [&] { return ready() || (!had_some && waiting_ != 0); });
    } else {
      changed_.wait(lock, stop, ready);
    }
  }
  wanted_ = 0;
  SpanBatch batch;
  const std::size_t count = std::min(size, waiting_);
  if (count != 0) batch.received = chunks_.front().received;
  batch.spans.reserve(count);
  while (batch.spans.size() < count) {
    Chunk& chunk = chunks_.front();
    bytes_ -= chunk.bytes[chunk.next];
    batch.spans.push_back(std::move(chunk.spans[chunk.next]));
    if (++chunk.next == chunk.spans.size()) chunks_.pop_front();
  }
  waiting_ -= count;
  if (waiting_ == 0) flush_ = false;
  return batch;
}

void SpanIntake::request_flush() {
  {
    const std::scoped_lock lock(mutex_);
    flush_ = true;
  }
  changed_.notify_one();
}

std::size_t SpanIntake::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_;
}

std::size_t SpanIntake::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

}  // namespace telegen
