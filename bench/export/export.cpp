// What a span costs on its way out. `per_span` is the figure the budget is about: encode at most 0.4 µs, encode and
// gzip at most 1.6 µs, for HTTP server spans with 14 attributes, 512 a batch.
#include <benchmark/benchmark.h>

#include "../../tests/unit/export/sample_spans.h"
#include "base/metrics.h"
#include "export/otlp/json.h"
#include "export/otlp/traces.h"
#include "export/transport/compression.h"

namespace telegen {
namespace {

constexpr std::size_t kBatch = 512;

// Ids are random in life, and random bytes are what compression cannot shrink.
std::vector<Span> batch() {
  Random random(1);
  std::vector<ResourcePtr> resources;
  for (int i = 0; i < 4; ++i) resources.push_back(testing::checkout_resource());
  std::vector<Span> spans;
  for (std::size_t i = 0; i < kBatch; ++i) {
    spans.push_back(testing::http_span(static_cast<std::uint8_t>(i), resources[random.next() % resources.size()]));
    for (auto& byte : spans.back().trace_id.bytes) byte = static_cast<std::uint8_t>(random.next());
    for (auto& byte : spans.back().span_id.bytes) byte = static_cast<std::uint8_t>(random.next());
    for (auto& byte : spans.back().parent_id.bytes) byte = static_cast<std::uint8_t>(random.next());
    spans.back().start.ns += random.next() % 1'000'000'000;
    spans.back().end.ns = spans.back().start.ns + random.next() % 10'000'000;
  }
  return spans;
}

void report(benchmark::State& state, std::size_t bytes) {
  state.counters["per_span"] = benchmark::Counter(
      static_cast<double>(kBatch), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["bytes_per_span"] = static_cast<double>(bytes) / kBatch;
}

void encode_protobuf(benchmark::State& state) {
  const auto spans = batch();
  std::size_t bytes = 0;
  for (auto _ : state)
    bytes = otlp::encode_traces_prefix(spans, {"telegen", "0.1.0"}, otlp::kMaxRequestBytes).body.size();
  report(state, bytes);
}
BENCHMARK(encode_protobuf);

void encode_json(benchmark::State& state) {
  const auto spans = batch();
  std::size_t bytes = 0;
  for (auto _ : state) bytes = otlp::encode_traces_json(spans, {"telegen", "0.1.0"}).size();
  report(state, bytes);
}
BENCHMARK(encode_json);

void encode_and_compress(benchmark::State& state, Compression kind) {
  const auto spans = batch();
  Compressor compressor(kind);
  std::string out;
  for (auto _ : state) {
    out.clear();
    const auto request = otlp::encode_traces_prefix(spans, {"telegen", "0.1.0"}, otlp::kMaxRequestBytes);
    if (!compressor.append(request.body, out)) state.SkipWithError("compress");
  }
  report(state, out.size());
}
BENCHMARK_CAPTURE(encode_and_compress, gzip, Compression::kGzip);
BENCHMARK_CAPTURE(encode_and_compress, zstd, Compression::kZstd);

}  // namespace
}  // namespace telegen
