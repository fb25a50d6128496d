#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "../export/sample_spans.h"
#include "base/metrics.h"
#include "pipeline/export_loop.h"
#include "pipeline/sampler.h"
#include "pipeline/span_intake.h"
#include "pipeline/span_queue.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;
using testing::http_span;

std::vector<Span> spans_of(std::size_t count, std::uint8_t first = 0) {
  std::vector<Span> spans;
  for (std::size_t i = 0; i < count; ++i) {
    spans.push_back(http_span(static_cast<std::uint8_t>(first + i), nullptr));
    spans.back().process = static_cast<std::uint32_t>(first + i);
  }
  return spans;
}

double metric(const MetricRegistry& registry, std::string_view name, std::string_view label = {}) {
  double found = -1;
  registry.visit([&](const MetricSample& sample) {
    if (sample.name == name && (label.empty() || sample.labels->front().second == label)) found = sample.value;
  });
  return found;
}

Time at(Duration d) { return Time{} + d; }

TEST(SpanQueue, TakesInOrderAndAccounts) {
  MetricRegistry metrics;
  SpanQueue queue({}, metrics);
  queue.push(spans_of(3), at(1s), 2);
  queue.push(spans_of(2, 3), at(2s));
  const auto clock = [] { return at(100s); };
  Batch batch = queue.take(4, 1s, clock, {});
  ASSERT_EQ(batch.spans.size(), 4U);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(batch.spans[i].process, i);
  EXPECT_EQ(batch.received, (std::vector<Time>{at(1s), at(1s), at(1s), at(2s)}));
  Accounting a = queue.accounting();
  EXPECT_TRUE(a.balanced());
  EXPECT_EQ(a.received, 7U);
  EXPECT_EQ(a.held, 5U);
  EXPECT_EQ(a.dropped_by(DropCause::kSampledOut), 2U);
  Settlement settlement{.exported = 3};
  settlement[DropCause::kRejected] = 1;
  queue.settle(settlement, batch.bytes);
  a = queue.accounting();
  EXPECT_TRUE(a.balanced());
  EXPECT_EQ(a.exported, 3U);
  EXPECT_EQ(a.held, 1U);
  EXPECT_GT(a.held_bytes, sizeof(Span));
  queue.drop_all(DropCause::kShutdown);
  a = queue.accounting();
  EXPECT_TRUE(a.balanced());
  EXPECT_EQ(a.held, 0U);
  EXPECT_EQ(a.held_bytes, 0U);
  EXPECT_EQ(metric(metrics, "telegen_spans_received_total"), 7);
  EXPECT_EQ(metric(metrics, "telegen_spans_exported_total"), 3);
  EXPECT_EQ(metric(metrics, "telegen_spans_dropped_total", "shutdown"), 1);
  EXPECT_EQ(metric(metrics, "telegen_spans_dropped_total", "rejected"), 1);
  EXPECT_EQ(metric(metrics, "telegen_spans_dropped_total", "sampled_out"), 2);
  EXPECT_EQ(metric(metrics, "telegen_queue_spans"), 0);
  EXPECT_EQ(metric(metrics, "telegen_queue_bytes"), 0);
}

TEST(SpanQueue, DropsTheOldestButNeverWhatIsInFlight) {
  MetricRegistry metrics;
  const std::size_t one = held_bytes(spans_of(1)[0]);
  SpanQueue queue({.mem_limit = {one * 4 + one / 2}}, metrics);
  queue.push(spans_of(2), at(0s));
  const Batch batch = queue.take(2, 1s, [] { return at(9s); }, {});
  ASSERT_EQ(batch.spans.size(), 2U);
  queue.push(spans_of(5, 2), at(1s));  // room for two beside the two in flight
  Accounting a = queue.accounting();
  EXPECT_TRUE(a.balanced());
  EXPECT_EQ(a.held, 4U);
  EXPECT_EQ(a.dropped_by(DropCause::kQueueFull), 3U);
  EXPECT_LE(a.held_bytes, one * 4 + one / 2);
  queue.settle({.exported = 2}, batch.bytes);
  const Batch rest = queue.take(9, 0s, [] { return at(9s); }, {});
  ASSERT_EQ(rest.spans.size(), 2U);
  EXPECT_EQ(rest.spans[0].process, 5U);
  EXPECT_EQ(rest.spans[1].process, 6U);
}

TEST(SpanQueue, HeldBytesCountWhatTheSpanOwns) {
  Span span;
  EXPECT_EQ(held_bytes(span), sizeof(Span));
  span.name = std::string(1000, 'x');
  span.attributes.push_back({"a", std::string(10'000, 'y')});
  span.attributes.push_back({"b", std::vector<std::string>{std::string(5000, 'z')}});
  span.events.push_back({{}, std::string(2000, 'e'), {{"c", std::string(3000, 'v')}}});
  EXPECT_GE(held_bytes(span), sizeof(Span) + 21'000);
  EXPECT_LE(held_bytes(span), sizeof(Span) + 24'000);
}

TEST(SpanQueue, ExpiresWhatIsTooOld) {
  MetricRegistry metrics;
  SpanQueue queue({.max_age = 10s}, metrics);
  queue.push(spans_of(3), at(0s));
  queue.push(spans_of(1), at(5s));
  queue.expire(at(9s));
  EXPECT_EQ(queue.accounting().held, 4U);
  queue.expire(at(10s));
  EXPECT_EQ(queue.accounting().held, 1U);
  EXPECT_EQ(queue.accounting().dropped_by(DropCause::kExpired), 3U);
  EXPECT_TRUE(queue.accounting().balanced());
}

TEST(RecentSpans, KeepsTheLastOnes) {
  RecentSpans recent(5);
  for (std::uint8_t i = 0; i < 10; i += 2) recent.add(std::make_shared<const std::vector<Span>>(spans_of(2, i)));
  auto seen = recent.snapshot();
  ASSERT_EQ(seen.size(), 5U);
  for (std::uint32_t i = 0; i < 5; ++i) EXPECT_EQ(seen[i].process, 5 + i);
  recent.add(std::make_shared<const std::vector<Span>>(spans_of(50, 100)));
  seen = recent.snapshot();
  ASSERT_EQ(seen.size(), 5U);
  EXPECT_EQ(seen.front().process, 145U);
}

Span span_with(std::uint8_t top_random, std::uint8_t flags, bool parent, bool remote) {
  Span span;
  span.trace_id.bytes[0] = 0xff;  // not part of the 56 bits
  span.trace_id.bytes[8] = 0xff;
  span.trace_id.bytes[9] = top_random;
  span.span_id.bytes[0] = 1;
  if (parent) span.parent_id.bytes[0] = 1;
  span.parent_is_remote = remote;
  span.trace_flags = flags;
  return span;
}

TEST(Sampler, NamesAndRatios) {
  EXPECT_FALSE(Sampler::make("sometimes", 1));
  EXPECT_FALSE(Sampler::make("traceidratio", 1.5));
  EXPECT_FALSE(Sampler::make("traceidratio", std::nan("")));
  const auto keeps = [](const char* name, double ratio, const Span& span) {
    return Sampler::make(name, ratio)->keeps(span);
  };
  EXPECT_TRUE(keeps("always_on", 0, span_with(0, 0, true, true)));
  EXPECT_FALSE(keeps("always_off", 1, span_with(255, 1, false, false)));
  EXPECT_TRUE(keeps("traceidratio", 0.5, span_with(0x80, 0, true, true)));
  EXPECT_FALSE(keeps("traceidratio", 0.5, span_with(0x7f, 1, true, true)));
  EXPECT_TRUE(keeps("traceidratio", 1, span_with(0, 0, false, false)));
  EXPECT_FALSE(keeps("traceidratio", 0, span_with(0xff, 1, false, false)));
  // A remote parent decides, a local one does where it was not sampled, the root's sampler otherwise.
  EXPECT_TRUE(keeps("parentbased_always_off", 0, span_with(0, 1, true, true)));
  EXPECT_FALSE(keeps("parentbased_always_on", 0, span_with(0, 0, true, true)));
  EXPECT_FALSE(keeps("parentbased_always_on", 0, span_with(0, 0, true, false)));
  EXPECT_TRUE(keeps("parentbased_always_on", 0, span_with(0, 0, false, true)));
  EXPECT_TRUE(keeps("parentbased_traceidratio", 0.25, span_with(0xc0, 1, true, false)));
  EXPECT_FALSE(keeps("parentbased_traceidratio", 0.25, span_with(0xbf, 1, true, false)));
}

TEST(Sampler, KeepsTheShareAndIsMonotonous) {
  Random random(42);
  std::size_t kept = 0;
  const auto tenth = *Sampler::make("traceidratio", 0.1);
  const auto half = *Sampler::make("traceidratio", 0.5);
  for (int i = 0; i < 20'000; ++i) {
    Span span;
    for (auto& byte : span.trace_id.bytes) byte = static_cast<std::uint8_t>(random.next());
    kept += tenth.keeps(span) ? 1 : 0;
    if (tenth.keeps(span)) {
      EXPECT_TRUE(half.keeps(span));
    }
  }
  EXPECT_NEAR(static_cast<double>(kept), 2000, 150);
}

TEST(SpanIntake, SamplesFlagsAndCounts) {
  MetricRegistry metrics;
  SpanQueue queue({}, metrics);
  SpanIntake intake(*Sampler::make("traceidratio", 0.5), queue);
  intake.push({span_with(0x00, 1, false, false), span_with(0xff, 0, false, false)}, at(0s));
  const Accounting a = queue.accounting();
  EXPECT_EQ(a.received, 2U);
  EXPECT_EQ(a.held, 1U);
  EXPECT_EQ(a.dropped_by(DropCause::kSampledOut), 1U);
  const Batch batch = queue.take(1, 0s, [] { return at(0s); }, {});
  EXPECT_EQ(batch.spans[0].trace_flags, 1);
}

// An output that does as it is told.
struct Script {
  std::mutex mutex;
  std::vector<std::size_t> batches;
  std::vector<std::uint32_t> seen;  // Span::process of what was accepted
  std::function<Delivery(std::span<const Span>)> behave;
};

class ScriptedExporter final : public SpanExporter {
 public:
  ScriptedExporter(Script& script, std::string_view name) : script_(script), name_(name) {}
  std::string_view name() const override { return name_; }
  Delivery deliver(std::span<const Span> spans, const SendContext& context) override {
    EXPECT_GT(context.time_limit, Duration::zero());
    const std::scoped_lock lock(script_.mutex);
    Delivery d{.settled = spans.size(), .exported = spans.size()};
    if (script_.behave) d = script_.behave(spans);
    script_.batches.push_back(spans.size());
    for (const Span& span : spans.first(d.exported)) script_.seen.push_back(span.process);
    return d;
  }

 private:
  Script& script_;
  std::string_view name_;
};

Delivery retry_all(std::string reason) {
  Delivery d;
  d.retry = Retry{std::nullopt, std::move(reason)};
  return d;
}

struct Rig {
  MetricRegistry metrics;
  SpanQueue queue;
  RecentSpans recent{10};
  explicit Rig(QueueSettings settings = {}) : queue(settings, metrics) {}
  Surroundings world(std::function<void(std::span<Span>)> enrich = {}) {
    return {metrics, std::move(enrich), monotonic_now, unix_now, [] { return 1ULL << 63; }};
  }
  bool wait_for(const std::function<bool(const Accounting&)>& done) {
    for (int i = 0; i < 500; ++i) {
      if (done(queue.accounting())) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }
};

ExportLoopSettings quick() {
  return {.batch_size = 10,
          .batch_timeout = 20ms,
          .max_age = 1h,
          .shutdown_timeout = 2s,
          .backoff = {.initial = 5ms, .max = 20ms, .multiplier = 2, .jitter = 0}};
}

Outputs one(Script& script) {
  Outputs outputs;
  outputs.otlp = std::make_unique<ScriptedExporter>(script, "otlp");
  return outputs;
}

TEST(ExportLoop, FullBatchesGoAtOnceAndTheRestAfterItsTime) {
  Script script;
  Rig rig;
  auto settings = quick();
  settings.batch_timeout = 200ms;
  ExportLoop loop(settings, rig.queue, rig.recent, one(script), rig.world([](std::span<Span> spans) {
    for (Span& s : spans) s.name = "enriched";
  }));
  const Time begin = monotonic_now();
  rig.queue.push(spans_of(23), begin);
  ASSERT_TRUE(rig.wait_for([](const Accounting& a) { return a.exported == 20; }));
  EXPECT_LT(monotonic_now() - begin, Duration(150ms));
  ASSERT_TRUE(rig.wait_for([](const Accounting& a) { return a.exported == 23; }));
  EXPECT_GE(monotonic_now() - begin, Duration(200ms));
  EXPECT_EQ(script.batches, (std::vector<std::size_t>{10, 10, 3}));
  EXPECT_EQ(rig.recent.snapshot().back().name, "enriched");
  EXPECT_EQ(rig.recent.snapshot().back().process, 22U);
  EXPECT_GE(loop.status().delivered, begin);
}

TEST(ExportLoop, RetriesInOrderUntilItIsTakenAndNothingTwice) {
  Script script;
  int calls = 0;
  script.behave = [&calls](std::span<const Span> spans) {
    if (++calls % 3 != 0) {  // takes two spans, then cannot
      const std::size_t n = std::min<std::size_t>(2, spans.size());
      Delivery d{.settled = n, .exported = n};
      if (n < spans.size()) d.retry = Retry{std::nullopt, "connect h:1: Connection refused"};
      return d;
    }
    return retry_all("connect h:1: Connection refused");
  };
  Rig rig;
  ExportLoop loop(quick(), rig.queue, rig.recent, one(script), rig.world());
  rig.queue.push(spans_of(25), monotonic_now());
  ASSERT_TRUE(rig.wait_for([](const Accounting& a) { return a.exported == 25; }));
  ASSERT_EQ(script.seen.size(), 25U);
  for (std::uint32_t i = 0; i < 25; ++i) EXPECT_EQ(script.seen[i], i);
  EXPECT_EQ(loop.status().complaint, "connect h:1: Connection refused");
  EXPECT_GT(metric(rig.metrics, "telegen_export_retries_total"), 3);
  EXPECT_EQ(rig.queue.accounting().held_bytes, 0U);
}

TEST(ExportLoop, EveryLossHasItsCause) {
  Script script;
  script.behave = [](std::span<const Span> spans) {
    return Delivery{
        .settled = spans.size(), .exported = 1, .rejected = 2, .refused = 3, .oversized = 4, .complaint = "no"};
  };
  Rig rig;
  ExportLoop loop(quick(), rig.queue, rig.recent, one(script), rig.world());
  rig.queue.push(spans_of(10), monotonic_now());
  ASSERT_TRUE(rig.wait_for([](const Accounting& a) { return a.held == 0; }));
  const Accounting a = rig.queue.accounting();
  EXPECT_EQ(a.exported, 1U);
  EXPECT_EQ(a.dropped_by(DropCause::kRejected), 2U);
  EXPECT_EQ(a.dropped_by(DropCause::kRefused), 3U);
  EXPECT_EQ(a.dropped_by(DropCause::kOversized), 4U);
  EXPECT_TRUE(a.balanced());
  EXPECT_EQ(loop.status().complaint, "no");
}

TEST(ExportLoop, GivesUpAtMaxAgeAndGoesOn) {
  Script script;
  script.behave = [](std::span<const Span>) { return retry_all("down"); };
  Rig rig({.max_age = 1s});
  auto settings = quick();
  settings.max_age = 100ms;
  ExportLoop loop(settings, rig.queue, rig.recent, one(script), rig.world());
  const Time begin = monotonic_now();
  rig.queue.push(spans_of(10), begin);
  ASSERT_TRUE(rig.wait_for([](const Accounting& a) { return a.dropped_by(DropCause::kExpired) == 10; }));
  EXPECT_GE(monotonic_now() - begin, Duration(100ms));
  {
    const std::scoped_lock lock(script.mutex);
    script.behave = nullptr;
  }
  rig.queue.push(spans_of(10), monotonic_now());
  EXPECT_TRUE(rig.wait_for([](const Accounting& a) { return a.exported == 10; }));
}

TEST(ExportLoop, DrainsAtStopAndCountsWhatItCouldNot) {
  for (const bool reachable : {true, false}) {
    Script script;
    if (!reachable) script.behave = [](std::span<const Span>) { return retry_all("down"); };
    Rig rig;
    auto settings = quick();
    settings.batch_timeout = 1h;
    settings.shutdown_timeout = 200ms;
    ExportLoop loop(settings, rig.queue, rig.recent, one(script), rig.world());
    rig.queue.push(spans_of(33), monotonic_now());
    const Time begin = monotonic_now();
    loop.stop();
    EXPECT_LT(monotonic_now() - begin, Duration(1500ms));
    const Accounting a = rig.queue.accounting();
    EXPECT_TRUE(a.balanced());
    EXPECT_EQ(a.held, 0U);
    EXPECT_EQ(a.held_bytes, 0U);
    EXPECT_EQ(a.exported, reachable ? 33U : 0U);
    EXPECT_EQ(a.dropped_by(DropCause::kShutdown), reachable ? 0U : 33U);
  }
}

TEST(ExportLoop, FlushSendsWhatIsThere) {
  Script script;
  Rig rig;
  auto settings = quick();
  settings.batch_timeout = 1h;
  settings.backoff.initial = 1h;
  settings.backoff.max = 1h;
  ExportLoop loop(settings, rig.queue, rig.recent, one(script), rig.world());
  EXPECT_TRUE(loop.flush(1s));  // nothing to do
  rig.queue.push(spans_of(3), monotonic_now());
  EXPECT_TRUE(loop.flush(2s));
  EXPECT_EQ(rig.queue.accounting().exported, 3U);
  rig.queue.push(spans_of(3), monotonic_now());
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(rig.queue.accounting().held, 3U);  // waits for its batch again
  {
    const std::scoped_lock lock(script.mutex);
    script.behave = [](std::span<const Span>) { return retry_all("down"); };
  }
  EXPECT_FALSE(loop.flush(50ms));
  {
    const std::scoped_lock lock(script.mutex);
    script.behave = nullptr;
  }
  EXPECT_TRUE(loop.flush(2s));  // ends the backoff of an hour
  EXPECT_EQ(rig.queue.accounting().exported, 6U);
}

TEST(ExportLoop, LocalOutputsDecideWhereThereIsNoReceiver) {
  Script good;
  Script bad;
  bad.behave = [](std::span<const Span> spans) {
    return Delivery{.settled = spans.size(), .refused = spans.size(), .complaint = "write to x: full"};
  };
  const auto run = [&](std::vector<std::pair<Script*, const char*>> local, bool with_otlp) {
    Script otlp;
    Rig rig;
    Outputs outputs;
    if (with_otlp) outputs.otlp = std::make_unique<ScriptedExporter>(otlp, "otlp");
    for (const auto& [script, name] : local) outputs.local.push_back(std::make_unique<ScriptedExporter>(*script, name));
    ExportLoop loop(quick(), rig.queue, rig.recent, std::move(outputs), rig.world());
    rig.queue.push(spans_of(5), monotonic_now());
    EXPECT_TRUE(loop.flush(2s));
    EXPECT_EQ(rig.recent.snapshot().size(), 5U);
    return std::pair(rig.queue.accounting(), metric(rig.metrics, "telegen_output_failed_spans_total", "file"));
  };
  EXPECT_EQ(run({}, false).first.exported, 5U);
  EXPECT_EQ(run({{&good, "console"}}, false).first.exported, 5U);
  EXPECT_EQ(run({{&bad, "file"}}, false).first.dropped_by(DropCause::kRefused), 5U);
  EXPECT_EQ(run({{&good, "console"}, {&bad, "file"}}, false).first.exported, 5U);
  EXPECT_EQ(run({{&good, "console"}, {&bad, "file"}}, false).second, 5);
  EXPECT_EQ(run({{&bad, "file"}}, true).first.exported, 5U);
  EXPECT_EQ(run({{&bad, "file"}}, true).second, 5);
}

// The property: with producers racing, an output that fails at random and a queue that is too small, every snapshot
// balances.
TEST(Accounting, BalancesAtEveryInstant) {
  Script script;
  std::atomic<std::uint64_t> seed{1};
  script.behave = [&seed](std::span<const Span> spans) {
    Random random(seed.fetch_add(1));
    const std::size_t n = random.next() % (spans.size() + 1);
    Delivery d{.settled = n};
    d.exported = random.next() % (n + 1);
    d.refused = n - d.exported;
    if (n < spans.size()) d.retry = Retry{std::nullopt, "busy"};
    return d;
  };
  Rig rig({.mem_limit = {200'000}});
  auto settings = quick();
  settings.backoff.initial = 100us;
  settings.backoff.max = 500us;
  auto loop = std::make_unique<ExportLoop>(settings, rig.queue, rig.recent, one(script), rig.world());
  std::atomic<bool> running{true};
  std::uint64_t snapshots = 0;
  std::jthread watcher([&] {
    while (running) {
      const Accounting a = rig.queue.accounting();
      ASSERT_TRUE(a.balanced());
      ASSERT_LE(a.held_bytes, 200'000U);
      ++snapshots;
    }
  });
  {
    std::vector<std::jthread> producers;
    for (std::uint64_t p = 0; p < 4; ++p) {
      producers.emplace_back([&rig, p] {
        Random random(p);
        SpanIntake intake(*Sampler::make("traceidratio", 0.9), rig.queue);
        for (int i = 0; i < 300; ++i) {
          auto spans = testing::random_spans(random.next(), random.next() % 20);
          intake.push(std::move(spans), monotonic_now());
        }
      });
    }
  }
  loop->stop();
  running = false;
  watcher.join();
  const Accounting a = rig.queue.accounting();
  EXPECT_TRUE(a.balanced());
  EXPECT_EQ(a.held, 0U);
  EXPECT_EQ(a.held_bytes, 0U);
  EXPECT_GT(a.received, 5000U);
  EXPECT_GT(a.exported, 0U);
  EXPECT_GT(a.dropped_by(DropCause::kSampledOut), 0U);
  EXPECT_GT(a.dropped_by(DropCause::kRefused), 0U);
  EXPECT_GT(snapshots, 10U);
}

}  // namespace
}  // namespace telegen
