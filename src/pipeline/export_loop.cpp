#include "pipeline/export_loop.h"

#include <algorithm>

namespace telegen {
namespace {

constexpr Duration kForever = std::chrono::hours(24 * 365);

}  // namespace

ExportLoop::ExportLoop(ExportLoopSettings settings, SpanQueue& queue, RecentSpans& recent, Outputs outputs,
                       Surroundings world)
    : settings_(std::move(settings)),
      queue_(queue),
      recent_(recent),
      outputs_(std::move(outputs)),
      world_(std::move(world)),
      retries_(world_.metrics.counter("telegen_export_retries_total", "Requests that a receiver could not take yet.",
                                      {{"signal", "traces"}})) {
  for (const auto& output : outputs_.local) {
    local_failures_.push_back(&world_.metrics.counter("telegen_output_failed_spans_total",
                                                      "Spans that a local output could not write.",
                                                      {{"output", std::string(output->name())}}));
    local_logs_.emplace_back();
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ExportLoop::~ExportLoop() { stop(); }

void ExportLoop::run(const std::stop_token& stop) {
  while (true) {
    Batch batch = queue_.take(settings_.batch_size, settings_.batch_timeout, world_.clock, stop);
    if (batch.spans.empty()) break;
    process(std::move(batch));
    if (abandon_.stop_requested()) queue_.drop_all(DropCause::kShutdown);
  }
  {
    const std::scoped_lock lock(mutex_);
    finished_ = true;
  }
  changed_.notify_all();
}

void ExportLoop::process(Batch batch) {
  if (world_.enrich) world_.enrich(batch.spans);
  const auto spans = std::make_shared<const std::vector<Span>>(std::move(batch.spans));
  recent_.add(spans);
  const bool local = deliver_local(*spans);
  if (outputs_.otlp) {
    deliver_remote(*spans, batch);
    return;
  }
  Settlement settlement;
  if (local) {
    settlement.exported = spans->size();
    note_delivered();
  } else {
    settlement[DropCause::kRefused] = spans->size();
  }
  queue_.settle(settlement, batch.bytes);
}

// True: some local output has the spans, or there is none.
bool ExportLoop::deliver_local(std::span<const Span> spans) {
  bool delivered = outputs_.local.empty();
  for (std::size_t i = 0; i < outputs_.local.size(); ++i) {
    const Delivery result = outputs_.local[i]->deliver(spans, {world_.wall_clock(), time_left(), abandon_.get_token()});
    delivered = delivered || result.exported == spans.size();
    if (result.exported == spans.size()) continue;
    local_failures_[i]->add(spans.size() - result.exported);
    complain(local_logs_[i], result.complaint, false);
  }
  return delivered;
}

// The batch's bytes count as held until all of it is settled: its memory is one block.
void ExportLoop::deliver_remote(std::span<const Span> spans, const Batch& batch) {
  std::span<const Time> received = batch.received;
  Backoff backoff(settings_.backoff);
  while (true) {
    Settlement settlement;
    const std::size_t old = expired_prefix(received);
    settlement[DropCause::kExpired] = old;
    spans = spans.subspan(old);
    received = received.subspan(old);
    std::optional<Duration> delay;
    if (!spans.empty()) delay = attempt(spans, received, settlement, backoff);
    if (!spans.empty() && abandon_.stop_requested()) {
      settlement[DropCause::kShutdown] = spans.size();
      spans = {};
    }
    queue_.settle(settlement, spans.empty() ? batch.bytes : 0);
    if (spans.empty()) return;
    queue_.expire(world_.clock());
    const Duration until_expiry = settings_.max_age - (world_.clock() - received.front());
    wait_before_retry(std::min(delay.value_or(Duration::zero()), until_expiry));
  }
}

std::size_t ExportLoop::expired_prefix(std::span<const Time> received) const {
  const Time now = world_.clock();
  const auto young = std::ranges::find_if(received, [&](Time t) { return now - t < settings_.max_age; });
  return static_cast<std::size_t>(young - received.begin());
}

// One delivery; advances past what it settled. How long to wait before the next, if one is needed.
std::optional<Duration> ExportLoop::attempt(std::span<const Span>& spans, std::span<const Time>& received,
                                            Settlement& settlement, Backoff& backoff) {
  Delivery result;
  if (!abandon_.stop_requested()) {
    result = outputs_.otlp->deliver(spans, {world_.wall_clock(), time_left(), abandon_.get_token()});
  }
  settlement.exported += result.exported;
  settlement[DropCause::kRejected] += result.rejected;
  settlement[DropCause::kRefused] += result.refused;
  settlement[DropCause::kOversized] += result.oversized;
  spans = spans.subspan(result.settled);
  received = received.subspan(result.settled);
  if (result.exported != 0) note_delivered();
  if (!result.complaint.empty()) complain(loss_log_, std::move(result.complaint), false);
  if (!result.retry) return std::nullopt;
  if (result.settled != 0) backoff.reset();
  retries_.add();
  complain(retry_log_, std::move(result.retry->reason), !abandon_.stop_requested());
  return std::max(backoff.next(world_.random()), result.retry->after.value_or(Duration::zero()));
}

void ExportLoop::wait_before_retry(Duration delay) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, abandon_.get_token(), delay, [this] { return retry_now_; });
  retry_now_ = false;
}

Duration ExportLoop::time_left() const {
  const std::scoped_lock lock(mutex_);
  if (!deadline_) return kForever;
  return std::max(*deadline_ - world_.clock(), Duration(std::chrono::milliseconds(1)));
}

void ExportLoop::complain(RepeatedLog& log, std::string message, bool retrying) {
  const Time now = world_.clock();
  log.warn(now, retrying ? message + "; spans are kept and tried again" : message + "; spans were dropped");
  const std::scoped_lock lock(mutex_);
  status_.retrying = retrying;
  status_.complaint = std::move(message);
  status_.complained = now;
}

void ExportLoop::note_delivered() {
  const Time now = world_.clock();
  const std::scoped_lock lock(mutex_);
  status_.retrying = false;
  status_.delivered = now;
}

bool ExportLoop::flush(Duration timeout) {
  queue_.request_flush();
  {
    const std::scoped_lock lock(mutex_);
    retry_now_ = true;
  }
  changed_.notify_all();
  return queue_.wait_settled(timeout);
}

void ExportLoop::stop() {
  if (!thread_.joinable()) return;
  {
    const std::scoped_lock lock(mutex_);
    deadline_ = world_.clock() + settings_.shutdown_timeout;
    retry_now_ = true;
  }
  changed_.notify_all();
  thread_.request_stop();
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, settings_.shutdown_timeout, [this] { return finished_; })) abandon_.request_stop();
  }
  thread_.join();
}

ExportStatus ExportLoop::status() const {
  const std::scoped_lock lock(mutex_);
  return status_;
}

}  // namespace telegen
