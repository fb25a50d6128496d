#include "pipeline/span_batcher.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace telegen {

namespace {

constexpr std::array<DropCause, kProcessingDrops> kCauses = {DropCause::kFiltered,       DropCause::kHealthCheck,
                                                             DropCause::kSampledOut,     DropCause::kTailSampledOut,
                                                             DropCause::kTailBufferFull, DropCause::kRateLimited};

std::array<Counter*, 4> trimmed_counters(MetricRegistry& metrics) {
  std::array<Counter*, 4> counters{};
  constexpr std::array<const char*, 4> kWhat = {"redacted", "shortened", "attributes_dropped", "events_dropped"};
  for (std::size_t i = 0; i < counters.size(); ++i) {
    counters[i] = &metrics.counter("telegen_spans_trimmed_total",
                                   "Texts replaced or shortened, attributes and events left out, by what was done.",
                                   {{"what", kWhat[i]}});
  }
  return counters;
}

}  // namespace

SpanBatcher::SpanBatcher(SpanProcessing processing, BatcherWorld world)
    : world_(std::move(world)),
      ledger_(world_.delivery.pipeline(Signal::kTraces)),
      trimmed_(trimmed_counters(world_.metrics)),
      decided_early_(world_.metrics.counter("telegen_tail_traces_decided_early_total",
                                            "Traces decided on before their time, as the buffer was full.")),
      intake_(ledger_),
      processing_(std::move(processing)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

SpanBatcher::~SpanBatcher() { stop(); }

void SpanBatcher::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "batcher");
  while (true) {
    BatcherSettings settings;
    std::optional<Time> due;
    {
      const std::scoped_lock lock(mutex_);
      settings = processing_.settings;
      if (processing_.processor) due = processing_.processor->next_due();
    }
    SpanBatch batch = intake_.take(settings.batch_size, settings.batch_timeout, world_.clock, stop, due);
    if (batch.spans.empty() && stop.stop_requested()) break;
    process(std::move(batch));
  }
  const std::scoped_lock lock(mutex_);
  if (processing_.processor) pass_on(processing_.processor->release_all(), world_.clock());
}

void SpanBatcher::process(SpanBatch batch) {
  const std::scoped_lock lock(mutex_);
  const Time now = world_.clock();
  if (world_.enrich) world_.enrich(batch.spans);
  if (processing_.metrics) processing_.metrics->observe(batch.spans, world_.wall_clock());
  pass_through_processor(std::move(batch), now);
  forget_undecided();
}

void SpanBatcher::pass_through_processor(SpanBatch batch, Time now) {
  if (!processing_.processor) return pass_on({.ready = std::move(batch.spans)}, batch.received);
  // What was held longer ages from when it was decided on.
  if (batch.spans.empty()) return pass_on(processing_.processor->tick(now), now);
  pass_on(processing_.processor->process(std::move(batch.spans), now), batch.received);
}

void SpanBatcher::pass_on(Processed processed, Time received) {
  count(processed);
  if (processed.ready.empty()) return;
  const auto spans = std::make_shared<const std::vector<Span>>(std::move(processed.ready));
  world_.recent.add(spans);
  const bool written = write_here(*spans);
  if (world_.delivery.has_destination(Signal::kTraces)) {
    encode(*spans, received);
  } else {
    world_.delivery.settle_here(Signal::kTraces, spans->size(), written);
    if (written && !processing_.outputs.empty()) confirm(*spans);
  }
}

// Exemplars refer to spans that somebody has: not to those that only the API shows for a while.
void SpanBatcher::confirm(std::span<const Span> sent) {
  if (processing_.metrics) processing_.metrics->confirm(sent);
}

void SpanBatcher::forget_undecided() {
  const bool held = processing_.processor && processing_.processor->held() != 0;
  if (processing_.metrics && !held) processing_.metrics->forget_candidates();
}

void SpanBatcher::count(const Processed& processed) {
  for (std::size_t i = 0; i < kProcessingDrops; ++i) ledger_.dropped(kCauses[i], processed.dropped[i]);
  const Trimmed& trimmed = processed.trimmed;
  const std::array<std::uint64_t, 4> figures = {trimmed.redacted, trimmed.shortened, trimmed.attributes,
                                                trimmed.events};
  for (std::size_t i = 0; i < figures.size(); ++i) trimmed_[i]->add(figures[i]);
  decided_early_.add(processed.traces_decided_early);
}

// True: some output of this host has the spans, or there is none.
bool SpanBatcher::write_here(std::span<const Span> spans) {
  bool written = processing_.outputs.empty();
  for (const auto& output : processing_.outputs) {
    const auto done = output->write(spans);
    written = written || done;
    if (done) continue;
    failures(output->name()).add(spans.size());
    log_.warn(world_.clock(), done.error().message);
  }
  return written;
}

Counter& SpanBatcher::failures(std::string_view output) {
  return world_.metrics.counter("telegen_output_failed_spans_total",
                                "Spans that an output on this host could not write.",
                                {{"output", std::string(output)}});
}

void SpanBatcher::encode(std::span<const Span> spans, Time received) {
  const BatcherSettings& settings = processing_.settings;
  while (!spans.empty()) {
    const auto request = otlp::encode_traces_prefix(spans, settings.scope, settings.max_request_bytes);
    if (request.oversized != 0) {
      ledger_.dropped(DropCause::kOversized, request.oversized);
      log_.warn(world_.clock(), "a span is larger than a request may be (" +
                                    std::to_string(settings.max_request_bytes) + " bytes) and was dropped");
    }
    if (request.encoded != 0) {
      world_.delivery.accept(Signal::kTraces, request.body, static_cast<std::uint32_t>(request.encoded), received);
    }
    if (request.oversized == 0) confirm(spans.first(request.taken));  // else it is not known which were left out
    spans = spans.subspan(request.taken);
  }
}

void SpanBatcher::apply(SpanProcessing processing) {
  const std::scoped_lock lock(mutex_);
  if (processing_.processor) pass_on(processing_.processor->release_all(), world_.clock());
  forget_undecided();
  processing_ = std::move(processing);
}

bool SpanBatcher::flush(Duration timeout) {
  intake_.request_flush();
  return ledger_.wait_settled(timeout);
}

void SpanBatcher::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

}  // namespace telegen
