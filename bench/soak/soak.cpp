// Spans at a steady rate into the pipeline, while nobody takes them: soak RATE SECONDS [MEMORY_LIMIT_MIB]
//
// Everything is as in the worker but for the source and the loader: intake, batches, encoding, compression, queue in
// memory files, and a sender that tries a port where nobody listens. A line of JSON every ten seconds: resident memory
// of the process, memory of the queue beside it, CPU time, and the account.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "../../tests/unit/export/sample_spans.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "pipeline/span_batcher.h"

namespace telegen {
namespace {

constexpr int kRounds = 25;  // a second: what the worker's reader makes of one look at the ring
constexpr auto kReport = std::chrono::seconds(10);

// Ids, times, paths and sizes differ from span to span as they do in life, or compression would look better than it is.
Span span_of(Random& random, const ResourcePtr& resource, UnixTime now) {
  Span span = testing::http_span(static_cast<std::uint8_t>(random.next()), resource);
  for (auto& byte : span.trace_id.bytes) byte = static_cast<std::uint8_t>(random.next());
  for (auto& byte : span.span_id.bytes) byte = static_cast<std::uint8_t>(random.next());
  span.start = now;
  span.end = {now.ns + 100'000 + random.next() % 5'000'000};
  for (Attribute& attribute : span.attributes) {
    if (attribute.key == "url.path") attribute.value = "/items/" + std::to_string(random.next() % 100'000);
    if (attribute.key == "network.peer.port")
      attribute.value = static_cast<std::int64_t>(32768 + random.next() % 28000);
  }
  return span;
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void report(const Delivery& delivery, Duration since) {
  const auto accounts = delivery.accounts(Signal::kTraces);
  const Accounting& account = accounts.destinations.front().account;
  const QueueFigures queue = delivery.queues().front().figures;
  std::printf(
      "{\"seconds\": %.0f, \"resident_mib\": %.1f, \"queue_mib\": %.1f, \"limit_mib\": %.0f, \"cpu_seconds\": %.2f, "
      "\"received\": %llu, \"held\": %llu, \"dropped\": %llu, \"balanced\": %s}\n",
      std::chrono::duration<double>(since).count(), static_cast<double>(resident_bytes()) / 0x1p20,
      static_cast<double>(queue.bytes) / 0x1p20, static_cast<double>(queue.limit) / 0x1p20, cpu_seconds(),
      static_cast<unsigned long long>(accounts.pipeline.received), static_cast<unsigned long long>(account.held),
      static_cast<unsigned long long>(account.dropped_in_all()), account.balanced() ? "true" : "false");
  std::fflush(stdout);
}

int run(std::uint64_t rate, std::chrono::seconds length, std::uint64_t limit_mib) {
  const auto curl = CurlRuntime::start();
  if (!curl) return 1;
  auto config = transport_config({}, "otlp", "127.0.0.1:1", false, {}, "soak");
  if (!config) return 1;
  DeliveryPlan plan;
  plan.queues.traces.mem_limit.bytes = limit_mib << 20;
  plan.destinations.push_back({.name = "otlp", .text = "", .signals = {Signal::kTraces}, .endpoints = {[&config] {
                                                                                           return make_transport(
                                                                                               *config);
                                                                                         }}});
  MetricRegistry metrics;
  OwnMemory memory;
  auto delivery =
      Delivery::start(std::move(plan), {memory, metrics, monotonic_now, unix_now, [] { return 1ULL << 63; }});
  if (!delivery) return 1;
  RecentSpans recent;
  AttributeKeys keys;
  SamplingScale scale;
  auto processor = SpanProcessor::make({}, {}, keys, scale);
  if (!processor) return 1;
  SpanBatcher batcher(
      {.settings = {}, .processor = *std::move(processor), .outputs = {}},
      {.delivery = **delivery, .recent = recent, .metrics = metrics, .enrich = {}, .clock = monotonic_now});
  Random random(1);
  const ResourcePtr resource = testing::checkout_resource();
  const Time begin = monotonic_now();
  Time next_report = begin + kReport;
  for (std::int64_t round = 1; monotonic_now() - begin < length; ++round) {
    std::vector<Span> spans;
    for (std::uint64_t i = 0; i < rate / kRounds; ++i) spans.push_back(span_of(random, resource, unix_now()));
    batcher.intake().push(std::move(spans), monotonic_now());
    if (monotonic_now() >= next_report) {
      report(**delivery, monotonic_now() - begin);
      next_report = next_report + kReport;
      recent.tidy();
      release_free_memory();
    }
    const Duration until = begin + std::chrono::nanoseconds(1'000'000'000 / kRounds * round) - monotonic_now();
    std::this_thread::sleep_for(until);
  }
  report(**delivery, monotonic_now() - begin);
  return 0;
}

}  // namespace
}  // namespace telegen

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: soak RATE SECONDS [MEMORY_LIMIT_MIB]\n");
    return 2;
  }
  const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
  telegen::configure_logging(telegen::LogLevel::kError, "text", "soak");
  return telegen::run(number(1), std::chrono::seconds(number(2)), argc > 3 ? number(3) : 256);
}
