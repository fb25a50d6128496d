#include "pipeline/export_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/metrics.h"
#include "helpers.h"
#include "pipeline/span_intake.h"
#include "pipeline/span_queue.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;
using testing::metric;
using testing::spans_of;

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
  settings.batch_timeout = 1s;
  ExportLoop loop(settings, rig.queue, rig.recent, one(script), rig.world([](std::span<Span> spans) {
    for (Span& s : spans) s.name = "enriched";
  }));
  const Time begin = monotonic_now();
  rig.queue.push(spans_of(23), begin);
  ASSERT_TRUE(rig.wait_for([](const Accounting& a) { return a.exported == 20; }));
  EXPECT_LT(monotonic_now() - begin, Duration(900ms));
  ASSERT_TRUE(rig.wait_for([](const Accounting& a) { return a.exported == 23; }));
  EXPECT_GE(monotonic_now() - begin, Duration(1s));
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
