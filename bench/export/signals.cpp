// Spans, points, records and samples a second on one core, `items_per_second`: encoded, and encoded and compressed with
// gzip as a request is. Bars with compression: spans 150,000/s, points 1,000,000/s, log records 400,000/s, profile
// samples of 30 frames 100,000/s.
#include <benchmark/benchmark.h>

#include "bench_signals.h"
#include "export/transport/compression.h"

namespace telegen {
namespace {

template <class Batch>
void report(benchmark::State& state, const Batch& batch, std::size_t bytes) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(batch.items()));
  state.counters["bytes_per_item"] = static_cast<double>(bytes) / static_cast<double>(batch.items());
}

template <class Batch>
void encode(benchmark::State& state) {
  const Batch batch;
  std::size_t bytes = 0;
  for (auto _ : state) {
    const otlp::Prefix prefix = batch.encode();
    if (prefix.encoded != batch.data.size()) state.SkipWithError("not all in one request");
    bytes = prefix.body.size();
  }
  report(state, batch, bytes);
}

template <class Batch>
void encode_and_gzip(benchmark::State& state) {
  const Batch batch;
  Compressor compressor(Compression::kGzip);
  std::string out;
  for (auto _ : state) {
    out.clear();
    const otlp::Prefix prefix = batch.encode();
    if (prefix.encoded != batch.data.size()) state.SkipWithError("not all in one request");
    if (!compressor.append(prefix.body, out)) state.SkipWithError("compress");
  }
  report(state, batch, out.size());
}

BENCHMARK(encode<bench::SpanBatch>)->Name("encode/spans");
BENCHMARK(encode<bench::SumBatch>)->Name("encode/sum_points");
BENCHMARK(encode<bench::HistogramBatch>)->Name("encode/histogram_points");
BENCHMARK(encode<bench::LogBatch>)->Name("encode/log_records");
BENCHMARK(encode<bench::ProfileBatch>)->Name("encode/profile_samples");
BENCHMARK(encode_and_gzip<bench::SpanBatch>)->Name("encode_and_gzip/spans");
BENCHMARK(encode_and_gzip<bench::SumBatch>)->Name("encode_and_gzip/sum_points");
BENCHMARK(encode_and_gzip<bench::HistogramBatch>)->Name("encode_and_gzip/histogram_points");
BENCHMARK(encode_and_gzip<bench::LogBatch>)->Name("encode_and_gzip/log_records");
BENCHMARK(encode_and_gzip<bench::ProfileBatch>)->Name("encode_and_gzip/profile_samples");

}  // namespace
}  // namespace telegen
