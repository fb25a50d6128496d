// The thread between the intake and the way out: takes batches of spans, gives them their resource, has metrics made of
// all of them, processes them, shows them to the outputs on this host, encodes them and hands them to delivery. It
// never waits for a receiver.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "analytics/span_metrics.h"
#include "base/log.h"
#include "base/metrics.h"
#include "delivery/delivery.h"
#include "export/otlp/traces.h"
#include "export/span_output.h"
#include "pipeline/recent_spans.h"
#include "pipeline/span_intake.h"
#include "processing/span_processor.h"

namespace telegen {

struct BatcherSettings {
  std::size_t batch_size = 512;
  Duration batch_timeout = std::chrono::seconds(1);
  std::size_t max_request_bytes = otlp::kMaxRequestBytes;
  otlp::Scope scope;
};

// What changes with the configuration.
struct SpanProcessing {
  BatcherSettings settings;
  std::optional<SpanProcessor> processor;            // none: every span goes on as it is
  std::vector<std::shared_ptr<SpanOutput>> outputs;  // on this host; shared as they outlive a change
  std::shared_ptr<SpanMetrics> metrics;              // of all spans; shared with who collects them. Null: none
};

// What the batcher works with; outlives it. The function is called on the batcher's thread.
struct BatcherWorld {
  Delivery& delivery;
  RecentSpans& recent;
  MetricRegistry& metrics;
  std::function<void(std::span<Span>)> enrich;  // may be empty
  std::function<Time()> clock;
  std::function<UnixTime()> wall_clock;
};

class SpanBatcher {
 public:
  // Starts the thread.
  SpanBatcher(SpanProcessing processing, BatcherWorld world);
  ~SpanBatcher();
  SpanBatcher(const SpanBatcher&) = delete;
  SpanBatcher& operator=(const SpanBatcher&) = delete;

  SpanIntake& intake() { return intake_; }
  // From the next batch on. What was taken before is done with by then; what tail sampling holds is decided on now.
  void apply(SpanProcessing processing);
  // Passes on what is here now. False: the time was over first.
  bool flush(Duration timeout);
  // Passes on everything, then ends. Idempotent.
  void stop();

 private:
  void run(const std::stop_token& stop);
  void process(SpanBatch batch);
  void pass_through_processor(SpanBatch batch, Time now);
  void pass_on(Processed processed, Time received);
  void count(const Processed& processed);
  bool write_here(std::span<const Span> spans);
  void encode(std::span<const Span> spans, Time received);
  void confirm(std::span<const Span> sent);
  void forget_undecided();
  Counter& failures(std::string_view output);

  BatcherWorld world_;
  Ledger& ledger_;
  std::array<Counter*, 4> trimmed_;
  Counter& decided_early_;
  SpanIntake intake_;
  std::mutex mutex_;  // of processing_, held for a batch
  SpanProcessing processing_;
  RepeatedLog log_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace telegen
