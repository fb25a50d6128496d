#include "pipeline/span_batcher.h"

#include <algorithm>
#include <utility>

namespace telegen {

SpanBatcher::SpanBatcher(SpanProcessing processing, BatcherWorld world)
    : world_(std::move(world)),
      ledger_(world_.delivery.pipeline(Signal::kTraces)),
      intake_(ledger_),
      processing_(std::move(processing)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

SpanBatcher::~SpanBatcher() { stop(); }

void SpanBatcher::run(const std::stop_token& stop) {
  while (true) {
    BatcherSettings settings;
    {
      const std::scoped_lock lock(mutex_);
      settings = processing_.settings;
    }
    SpanBatch batch = intake_.take(settings.batch_size, settings.batch_timeout, world_.clock, stop);
    if (!batch.spans.empty()) {
      process(std::move(batch));
    } else if (stop.stop_requested()) {
      return;
    }
  }
}

void SpanBatcher::process(SpanBatch batch) {
  const std::scoped_lock lock(mutex_);
  if (world_.enrich) world_.enrich(batch.spans);
  if (processing_.sampler) ledger_.dropped(DropCause::kSampledOut, processing_.sampler->apply(batch.spans));
  if (batch.spans.empty()) return;
  const auto spans = std::make_shared<const std::vector<Span>>(std::move(batch.spans));
  world_.recent.add(spans);
  const bool written = write_here(*spans);
  if (world_.delivery.has_destination(Signal::kTraces)) {
    encode(*spans, batch.received);
  } else {
    world_.delivery.settle_here(Signal::kTraces, spans->size(), written);
  }
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
    spans = spans.subspan(request.taken);
  }
}

void SpanBatcher::apply(SpanProcessing processing) {
  const std::scoped_lock lock(mutex_);
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
