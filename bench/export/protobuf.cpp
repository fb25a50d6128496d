// What the official protobuf library takes for the same requests: `serialise` of a message that is there already, and
// `copy_and_serialise`, which also makes the message (by copying one: an exporter that fills it field by field does
// more). Compare with encode/… of bench_signals, which starts from the agent's own values.
#include <benchmark/benchmark.h>

#include "bench_signals.h"
#include "opentelemetry/proto/collector/logs/v1/logs_service.pb.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb.h"
#include "opentelemetry/proto/collector/profiles/v1development/profiles_service.pb.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb.h"

namespace telegen {
namespace {

namespace collector = opentelemetry::proto::collector;
using Traces = collector::trace::v1::ExportTraceServiceRequest;
using Metrics = collector::metrics::v1::ExportMetricsServiceRequest;
using Logs = collector::logs::v1::ExportLogsServiceRequest;
using Profiles = collector::profiles::v1development::ExportProfilesServiceRequest;

// `copy`: the message is made anew each time.
template <class Batch, class Message, bool copy>
void serialise(benchmark::State& state) {
  const Batch batch;
  const std::string expected = batch.encode().body;
  Message ready;
  if (!ready.ParseFromString(expected)) state.SkipWithError("parse");
  std::string out;
  for (auto _ : state) {
    if constexpr (copy) {
      const Message fresh(ready);
      benchmark::DoNotOptimize(fresh.SerializeToString(&out));
    } else {
      benchmark::DoNotOptimize(ready.SerializeToString(&out));
    }
  }
  if (out != expected) state.SkipWithError("another request than the encoder's");
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(batch.items()));
}

BENCHMARK(serialise<bench::SpanBatch, Traces, false>)->Name("serialise/spans");
BENCHMARK(serialise<bench::SumBatch, Metrics, false>)->Name("serialise/sum_points");
BENCHMARK(serialise<bench::HistogramBatch, Metrics, false>)->Name("serialise/histogram_points");
BENCHMARK(serialise<bench::LogBatch, Logs, false>)->Name("serialise/log_records");
BENCHMARK(serialise<bench::ProfileBatch, Profiles, false>)->Name("serialise/profile_samples");
BENCHMARK(serialise<bench::SpanBatch, Traces, true>)->Name("copy_and_serialise/spans");
BENCHMARK(serialise<bench::SumBatch, Metrics, true>)->Name("copy_and_serialise/sum_points");
BENCHMARK(serialise<bench::HistogramBatch, Metrics, true>)->Name("copy_and_serialise/histogram_points");
BENCHMARK(serialise<bench::LogBatch, Logs, true>)->Name("copy_and_serialise/log_records");
BENCHMARK(serialise<bench::ProfileBatch, Profiles, true>)->Name("copy_and_serialise/profile_samples");

}  // namespace
}  // namespace telegen
