// The thread that takes batches from the queue, enriches them and hands them to the outputs; waits and tries again
// where a receiver cannot take them now, while the queue goes on filling.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "export/exporter.h"
#include "export/retry.h"
#include "pipeline/recent_spans.h"
#include "pipeline/span_queue.h"

namespace telegen {

struct ExportLoopSettings {
  std::size_t batch_size = 512;
  Duration batch_timeout = std::chrono::seconds(1);
  Duration max_age = std::chrono::hours(6);
  Duration shutdown_timeout = std::chrono::seconds(10);
  BackoffSettings backoff;
};

// Where spans go. With an OTLP receiver, it alone decides what counts as exported and the local outputs get each span
// once, as it is first tried. Without, a span is exported when a local output has it or, if there is none either, when
// it is among the recent spans.
struct Outputs {
  std::unique_ptr<SpanExporter> otlp;
  std::vector<std::unique_ptr<SpanExporter>> local;
};

// What the loop needs of the world around it. The functions are called on the loop's thread, `clock` on any.
struct Surroundings {
  MetricRegistry& metrics;
  std::function<void(std::span<Span>)> enrich;  // may be empty
  std::function<Time()> clock;                  // monotonic
  std::function<UnixTime()> wall_clock;
  std::function<std::uint64_t()> random;
};

// For /status and /readyz.
struct ExportStatus {
  bool retrying = false;  // a batch is in flight that was not accepted yet
  std::string complaint;  // the last one, empty if there was none
  Time complained;
  Time delivered;  // when an output last took spans
};

class ExportLoop {
 public:
  // Starts the thread. `queue` and `recent` outlive the loop.
  ExportLoop(ExportLoopSettings settings, SpanQueue& queue, RecentSpans& recent, Outputs outputs, Surroundings world);
  ~ExportLoop();
  ExportLoop(const ExportLoop&) = delete;
  ExportLoop& operator=(const ExportLoop&) = delete;

  // Sends what is held without waiting for full batches or for the end of a backoff. False: the time was over first.
  bool flush(Duration timeout);
  // Sends what is held, at most for shutdown_timeout; what is left then is dropped and counted. Idempotent, one thread.
  void stop();

  ExportStatus status() const;

 private:
  void run(const std::stop_token& stop);
  void process(Batch batch);
  bool deliver_local(std::span<const Span> spans);
  void deliver_remote(std::span<const Span> spans, const Batch& batch);
  std::size_t expired_prefix(std::span<const Time> received) const;
  std::optional<Duration> attempt(std::span<const Span>& spans, std::span<const Time>& received, Settlement& settlement,
                                  Backoff& backoff);
  void wait_before_retry(Duration delay);
  Duration time_left() const;
  void complain(RepeatedLog& log, std::string message, bool retrying);
  void note_delivered();

  const ExportLoopSettings settings_;
  SpanQueue& queue_;
  RecentSpans& recent_;
  Outputs outputs_;
  Surroundings world_;
  Counter& retries_;
  std::vector<Counter*> local_failures_;  // spans, one counter a local output
  RepeatedLog retry_log_;
  RepeatedLog loss_log_;
  std::vector<RepeatedLog> local_logs_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool retry_now_ = false;
  bool finished_ = false;
  std::optional<Time> deadline_;  // set by stop()
  ExportStatus status_;
  std::stop_source abandon_;  // the deadline has passed: nothing is sent any more
  std::jthread thread_;       // last: it uses all of the above
};

}  // namespace telegen
