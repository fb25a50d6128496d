#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "delivery/segment_source.h"
#include "helpers.h"
#include "pipeline/span_batcher.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;
using testing::metric;
using testing::spans_of;

class CountingOutput final : public SpanOutput {
 public:
  CountingOutput(std::vector<std::uint32_t>& seen, bool fails) : seen_(seen), fails_(fails) {}
  std::string_view name() const override { return "file"; }
  Result<void> write(std::span<const Span> spans) override {
    if (fails_) return fail("write to x: full");
    for (const Span& span : spans) seen_.push_back(span.process);
    return {};
  }

 private:
  std::vector<std::uint32_t>& seen_;
  bool fails_;
};

class AcceptingTransport final : public Transport {
 public:
  explicit AcceptingTransport(std::atomic<int>& requests) : requests_(requests) {}
  std::string_view authority() const override { return "h:1"; }
  SendOutcome send(Payload&, const SendContext&) override {
    ++requests_;
    return Accepted{};
  }

 private:
  std::atomic<int>& requests_;
};

struct Rig {
  MetricRegistry metrics;
  OwnMemory memory;
  AttributeKeys keys;
  SamplingScale scale;
  RecentSpans recent{10};
  std::atomic<int> requests = 0;
  std::vector<std::uint32_t> seen;
  std::unique_ptr<Delivery> delivery;
  std::unique_ptr<SpanBatcher> batcher;

  explicit Rig(bool receiver) {
    DeliveryPlan plan;
    if (receiver) {
      plan.destinations.push_back({.name = "otlp",
                                   .text = "otlp h:1",
                                   .signals = {Signal::kTraces},
                                   .endpoints = {[this]() -> Result<std::unique_ptr<Transport>> {
                                     return std::make_unique<AcceptingTransport>(requests);
                                   }}});
    }
    delivery =
        std::move(*Delivery::start(std::move(plan), {memory, metrics, monotonic_now, unix_now, [] { return 0ULL; }}));
  }
  SpanProcessing processing(const std::string& sampler = "always_on", const ProcessingSettings& settings = {}) {
    return {.settings = {.batch_size = 10, .batch_timeout = 20ms, .scope = {}},
            .processor = std::move(*SpanProcessor::make(settings, {sampler, 0.5}, keys, scale)),
            .outputs = {}};
  }
  void start(SpanProcessing processing) {
    batcher = std::make_unique<SpanBatcher>(std::move(processing), BatcherWorld{.delivery = *delivery,
                                                                                .recent = recent,
                                                                                .metrics = metrics,
                                                                                .enrich =
                                                                                    [](std::span<Span> spans) {
                                                                                      for (Span& span : spans)
                                                                                        span.name = "enriched";
                                                                                    },
                                                                                .clock = monotonic_now,
                                                                                .wall_clock = unix_now});
  }
  Accounting account(const std::string& name) const {
    for (const auto& each : delivery->accounts(Signal::kTraces).destinations) {
      if (each.destination == name) return each.account;
    }
    return {};
  }
};

TEST(SpanBatcher, FullBatchesGoAtOnceAndTheRestAfterItsTime) {
  Rig rig(true);
  rig.start(rig.processing());
  rig.batcher->intake().push(spans_of(23), monotonic_now());
  for (int i = 0; i < 500 && rig.account("otlp").exported < 23; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(rig.account("otlp").exported, 23U);
  EXPECT_EQ(rig.requests, 3);
  EXPECT_EQ(rig.recent.snapshot().back().name, "enriched");
  EXPECT_EQ(rig.recent.snapshot().back().process, 22U);
}

TEST(SpanBatcher, SampledOutAreCountedAndNotShown) {
  Rig rig(true);
  rig.start(rig.processing("always_off"));
  rig.batcher->intake().push(spans_of(5), monotonic_now());
  ASSERT_TRUE(rig.batcher->flush(5s));
  EXPECT_EQ(rig.delivery->pipeline(Signal::kTraces).read().dropped_by(DropCause::kSampledOut), 5U);
  EXPECT_TRUE(rig.recent.snapshot().empty());
  EXPECT_EQ(rig.account("otlp").received, 0U);
}

TEST(SpanBatcher, WithoutAReceiverAnOutputOfThisHostDecides) {
  Rig rig(false);
  auto processing = rig.processing();
  processing.outputs.push_back(std::make_shared<CountingOutput>(rig.seen, true));
  processing.outputs.push_back(std::make_shared<CountingOutput>(rig.seen, false));
  rig.start(std::move(processing));
  rig.batcher->intake().push(spans_of(3), monotonic_now());
  ASSERT_TRUE(rig.batcher->flush(5s));
  EXPECT_EQ(rig.account("local").exported, 3U) << "one of them has the spans";
  EXPECT_EQ(metric(rig.metrics, "telegen_output_failed_spans_total", "file"), 3);
  auto failing = rig.processing();
  failing.outputs.push_back(std::make_shared<CountingOutput>(rig.seen, true));
  rig.batcher->apply(std::move(failing));
  rig.batcher->intake().push(spans_of(2), monotonic_now());
  ASSERT_TRUE(rig.batcher->flush(5s));
  EXPECT_EQ(rig.account("local").dropped_by(DropCause::kRefused), 2U);
}

TEST(SpanBatcher, ASpanLargerThanARequestIsDroppedAndTheOthersGo) {
  Rig rig(true);
  auto processing = rig.processing();
  processing.settings.max_request_bytes = 64 << 10;
  rig.start(std::move(processing));
  std::vector<Span> spans = spans_of(5);
  spans[2].attributes.push_back({"huge", std::vector<std::string>(30, std::string(4000, 'x'))});
  rig.batcher->intake().push(std::move(spans), monotonic_now());
  ASSERT_TRUE(rig.batcher->flush(5s));
  ASSERT_TRUE(rig.delivery->flush(5s));
  EXPECT_EQ(rig.delivery->pipeline(Signal::kTraces).read().dropped_by(DropCause::kOversized), 1U);
  EXPECT_EQ(rig.account("otlp").exported, 4U);
}

TEST(SpanBatcher, AValueOfTenMegabytesIsCutAndGoes) {
  Rig rig(true);
  rig.start(rig.processing());
  std::vector<Span> spans = spans_of(1);
  spans[0].attributes.push_back({"huge", std::string(10 << 20, 'x')});
  rig.batcher->intake().push(std::move(spans), monotonic_now());
  ASSERT_TRUE(rig.batcher->flush(5s));
  ASSERT_TRUE(rig.delivery->flush(5s));
  EXPECT_EQ(rig.account("otlp").exported, 1U);
  EXPECT_EQ(metric(rig.metrics, "telegen_spans_trimmed_total", "shortened"), 1);
}

// Four traces, of which only_errors() keeps the second.
std::vector<Span> four_traces() {
  std::vector<Span> spans = spans_of(4);
  for (std::size_t i = 0; i < spans.size(); ++i) {
    spans[i].trace_id.bytes[0] = static_cast<std::uint8_t>(i + 1);
    spans[i].status = i == 1 ? SpanStatus::kError : SpanStatus::kUnset;
  }
  return spans;
}

ProcessingSettings only_errors(Duration wait) {
  ProcessingSettings settings;
  settings.tail_sampling.enabled = true;
  settings.tail_sampling.wait = wait;
  settings.tail_sampling.latency = {};
  settings.tail_sampling.slower_than_route_p99 = false;
  settings.tail_sampling.rare_routes = 0;
  settings.tail_sampling.baseline = 0;
  return settings;
}

TEST(SpanBatcher, WhatTailSamplingHoldsIsHeldInTheAccountUntilItIsDue) {
  Rig rig(true);
  rig.start(rig.processing("always_on", only_errors(300ms)));
  rig.batcher->intake().push(four_traces(), monotonic_now());
  std::this_thread::sleep_for(150ms);
  EXPECT_EQ(rig.delivery->pipeline(Signal::kTraces).read().held, 4U);
  ASSERT_TRUE(rig.batcher->flush(5s)) << "the batcher looks again when they are due";
  ASSERT_TRUE(rig.delivery->flush(5s));
  EXPECT_EQ(rig.account("otlp").exported, 1U);
  EXPECT_EQ(rig.delivery->pipeline(Signal::kTraces).read().dropped_by(DropCause::kTailSampledOut), 3U);
}

TEST(SpanBatcher, WhatTailSamplingHoldsIsDecidedOnBeforeAnotherConfigurationAndAtTheEnd) {
  for (const bool at_the_end : {false, true}) {
    Rig rig(true);
    rig.start(rig.processing("always_on", only_errors(1h)));
    rig.batcher->intake().push(four_traces(), monotonic_now());
    std::this_thread::sleep_for(150ms);
    ASSERT_EQ(rig.delivery->pipeline(Signal::kTraces).read().held, 4U);
    if (at_the_end) {
      rig.batcher->stop();
    } else {
      rig.batcher->apply(rig.processing());
    }
    const Accounting account = rig.delivery->pipeline(Signal::kTraces).read();
    EXPECT_EQ(account.held, 0U) << at_the_end;
    EXPECT_EQ(account.dropped_by(DropCause::kTailSampledOut), 3U);
    ASSERT_TRUE(rig.delivery->flush(5s));
    EXPECT_EQ(rig.account("otlp").exported, 1U);
    ASSERT_EQ(rig.recent.snapshot().size(), 1U);
    EXPECT_EQ(rig.recent.snapshot().front().process, 1U) << "the one with the error";
  }
}

// What the metrics of a batcher's spans hold: how many spans, and the exemplars.
struct Measured {
  std::uint64_t count = 0;
  std::vector<Exemplar> exemplars;
};
Measured measured(SpanMetrics& metrics) {
  Measured all;
  for (const Metric& metric : metrics.collect(monotonic_now(), unix_now())) {
    for (const HistogramPoint& point : std::get<HistogramData>(metric.data).points) {
      all.count += point.count;
      all.exemplars.insert(all.exemplars.end(), point.exemplars.begin(), point.exemplars.end());
    }
  }
  return all;
}

// So many requests, each of another route and trace.
std::vector<Span> requests(std::size_t count) {
  std::vector<Span> spans = spans_of(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (Attribute& attribute : spans[i].attributes) {
      if (attribute.key == "http.route") attribute.value = "/route/" + std::to_string(i);
    }
    spans[i].trace_id.bytes[9] = static_cast<std::uint8_t>(i * 7);  // where a ratio sampler looks
    spans[i].trace_id.bytes[0] = static_cast<std::uint8_t>(i);
    spans[i].span_id.bytes[0] = static_cast<std::uint8_t>(i);
  }
  return spans;
}

TEST(SpanBatcher, MetricsAreOfAllSpansAndExemplarsOfThoseThatAreSent) {
  for (const char* sampler : {"always_on", "traceidratio", "always_off"}) {
    SCOPED_TRACE(sampler);
    Rig rig(true);
    auto processing = rig.processing(sampler);
    const std::shared_ptr<SpanMetrics> metrics = *SpanMetrics::make(HistogramKind::kExplicit, {}, 1, rig.metrics);
    processing.metrics = metrics;
    rig.start(std::move(processing));
    rig.batcher->intake().push(requests(100), monotonic_now());
    ASSERT_TRUE(rig.batcher->flush(5s));
    rig.batcher->stop();
    const Measured all = measured(*metrics);
    EXPECT_EQ(all.count, 100U);
    const std::uint64_t sent = rig.account("otlp").received;
    EXPECT_EQ(all.exemplars.size(), sent) << "one a route";
    if (sampler == std::string("traceidratio")) {
      EXPECT_GT(sent, 10U);
      EXPECT_LT(sent, 90U);
    }
  }
}

TEST(SpanBatcher, MetricsAreOfWhatIsFilteredToo) {
  Rig rig(true);
  ProcessingSettings settings;
  settings.filter.exclude.push_back({.route = "/route/1"});
  auto processing = rig.processing("always_on", settings);
  const std::shared_ptr<SpanMetrics> metrics = *SpanMetrics::make(HistogramKind::kExplicit, {}, 1, rig.metrics);
  processing.metrics = metrics;
  rig.start(std::move(processing));
  rig.batcher->intake().push(requests(3), monotonic_now());
  rig.batcher->stop();
  const Measured all = measured(*metrics);
  EXPECT_EQ(all.count, 3U);
  EXPECT_EQ(all.exemplars.size(), 2U);
}

TEST(SpanBatcher, AnExemplarOfTailSamplingComesWhenItsTraceIsKept) {
  Rig rig(true);
  auto processing = rig.processing("always_on", only_errors(200ms));
  const std::shared_ptr<SpanMetrics> metrics = *SpanMetrics::make(HistogramKind::kExplicit, {}, 1, rig.metrics);
  processing.metrics = metrics;
  rig.start(std::move(processing));
  std::vector<Span> spans = four_traces();
  const TraceId failed = spans[1].trace_id;
  // One route each: else one exemplar could stand for another.
  for (std::size_t i = 0; i < spans.size(); ++i) {
    spans[i].attributes[5].value = "/route/" + std::to_string(i);
    spans[i].span_id.bytes[0] = static_cast<std::uint8_t>(i + 1);
  }
  rig.batcher->intake().push(std::move(spans), monotonic_now());
  std::this_thread::sleep_for(100ms);
  const Measured held = measured(*metrics);
  EXPECT_EQ(held.count, 4U);
  EXPECT_TRUE(held.exemplars.empty()) << "nothing is decided";
  ASSERT_TRUE(rig.batcher->flush(5s));
  rig.batcher->stop();
  const Measured all = measured(*metrics);
  EXPECT_EQ(all.count, 4U);
  ASSERT_EQ(all.exemplars.size(), 1U);
  EXPECT_EQ(all.exemplars[0].trace_id, failed);
}

TEST(SpanBatcher, ExemplarsAreOfSpansThatSomebodyHas) {
  for (const bool output : {false, true}) {
    Rig rig(false);
    auto processing = rig.processing();
    if (output) processing.outputs.push_back(std::make_shared<CountingOutput>(rig.seen, false));
    const std::shared_ptr<SpanMetrics> metrics = *SpanMetrics::make(HistogramKind::kExplicit, {}, 1, rig.metrics);
    processing.metrics = metrics;
    rig.start(std::move(processing));
    rig.batcher->intake().push(requests(3), monotonic_now());
    rig.batcher->stop();
    const Measured all = measured(*metrics);
    EXPECT_EQ(all.count, 3U);
    EXPECT_EQ(all.exemplars.size(), output ? 3U : 0U) << "the API alone forgets them";
  }
}

TEST(SpanBatcher, StopPassesOnEverything) {
  Rig rig(true);
  auto processing = rig.processing();
  processing.settings.batch_timeout = 60s;
  rig.start(std::move(processing));
  rig.batcher->intake().push(spans_of(25), monotonic_now());
  rig.batcher->stop();
  EXPECT_EQ(rig.delivery->pipeline(Signal::kTraces).read().held, 0U);
  EXPECT_TRUE(rig.delivery->flush(5s));
  EXPECT_EQ(rig.account("otlp").exported, 25U);
}

}  // namespace
}  // namespace telegen
