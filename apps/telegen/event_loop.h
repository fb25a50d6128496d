// The thread that takes records out of the ring, lets the shard make spans of them and hands those to the pipeline.
#pragma once

#include <atomic>
#include <optional>
#include <thread>

#include "base/metrics.h"
#include "discovery/catalog.h"
#include "ingest/recording.h"
#include "ingest/ring_reader.h"
#include "pipeline/span_intake.h"
#include "tracing/shard.h"

namespace telegen::app {

struct EventLoopParts {
  RingReader reader;
  Shard shard;
  std::optional<Recorder> recorder;
  std::string connections;  // records of connections that an earlier worker was told of
};

class EventLoop {
 public:
  // Starts the thread. `catalog`, `intake` and `metrics` outlive this object.
  EventLoop(EventLoopParts parts, ProcessCatalog& catalog, SpanIntake& intake, MetricRegistry& metrics);
  ~EventLoop() { stop(); }

  // Takes what is in the ring now, then ends the thread. The recording, if any, is complete after it. Idempotent.
  void stop();
  std::uint64_t ring_fill() const { return parts_.reader.fill(); }
  std::uint32_t ring_size() const { return parts_.reader.size(); }

 private:
  void run(const std::stop_token& stop);
  std::size_t drain_once();
  void take_connections();
  void on_record(Bytes record);
  void tell_catalog(const ProcessEvent& event, Time time);
  void record(Bytes bytes);
  void housekeeping(Time now);
  void finish_recording();

  EventLoopParts parts_;
  ProcessCatalog& catalog_;
  SpanIntake& intake_;
  Counter& malformed_;
  Counter& unrecorded_;
  Time next_housekeeping_;
  Time next_sweep_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace telegen::app
