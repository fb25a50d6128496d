#include "processing/tail_sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "processing/sampler.h"
#include "processing/span_memory.h"
#include "processing/span_processor.h"
#include "spans.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{1'000'000'000'000};

// Only what a test switches on keeps anything.
TailSamplingSettings nothing_kept() {
  TailSamplingSettings settings;
  settings.enabled = true;
  settings.errors = settings.slower_than_route_p99 = false;
  settings.latency = 0s;
  settings.rare_routes = 0;
  settings.baseline = 0;
  return settings;
}

Span span_of(std::uint8_t trace, Duration duration = 1ms, SpanStatus status = SpanStatus::kUnset) {
  static const ResourcePtr resource = testing::resource_of("shop");
  Span span = testing::http_request("GET", "/", {}, resource);
  span.trace_id.bytes[0] = 1;
  span.trace_id.bytes[9] = trace;
  span.end = {span.start.ns + static_cast<std::uint64_t>(duration.count())};
  span.status = status;
  return span;
}

std::string policy_of(const Span& span) {
  const Attribute& last = span.attributes.back();
  return last.key == "telegen.sampling.policy" ? std::get<std::string>(last.value) : "";
}

TEST(TailSampler, HoldsATraceAndDecidesOnTheWhole) {
  TailSamplingSettings settings = nothing_kept();
  settings.errors = true;
  TailSampler tail(settings);
  tail.offer(span_of(1), kStart);
  tail.offer(span_of(2), kStart + 1s);
  tail.offer(span_of(1, 1ms, SpanStatus::kError), kStart + 4s);
  EXPECT_EQ(tail.held(), 3U);
  EXPECT_EQ(tail.next_due(), kStart + 5s);
  tail.decide_due(kStart + (5s - 1ns));
  EXPECT_TRUE(tail.take().kept.empty());
  tail.decide_due(kStart + 5s);
  const auto first = tail.take();
  ASSERT_EQ(first.kept.size(), 2U);
  EXPECT_EQ(first.kept[0].status, SpanStatus::kUnset);
  EXPECT_EQ(first.kept[1].status, SpanStatus::kError);
  EXPECT_EQ(policy_of(first.kept[0]), "errors");
  EXPECT_EQ(tail.held(), 1U);
  EXPECT_EQ(tail.next_due(), kStart + 6s);
  tail.decide_all();
  EXPECT_EQ(tail.take().sampled_out, 1U);
  EXPECT_EQ(tail.held(), 0U);
  EXPECT_EQ(tail.held_bytes(), 0U);
  EXPECT_FALSE(tail.next_due());
}

TEST(TailSampler, LateSpansFollowTheDecision) {
  TailSamplingSettings settings = nothing_kept();
  settings.errors = true;
  TailSampler tail(settings);
  tail.offer(span_of(1, 1ms, SpanStatus::kError), kStart);
  tail.offer(span_of(2), kStart);
  tail.decide_due(kStart + 5s);
  tail.take();
  tail.offer(span_of(1), kStart + 6s);
  tail.offer(span_of(2, 1ms, SpanStatus::kError), kStart + 6s);  // too late
  const auto late = tail.take();
  ASSERT_EQ(late.kept.size(), 1U);
  EXPECT_EQ(policy_of(late.kept[0]), "errors");
  EXPECT_EQ(late.sampled_out, 1U);
  EXPECT_EQ(tail.held(), 0U);
}

TEST(TailSampler, DecisionsAreRememberedForSoManyTraces) {
  TailSamplingSettings settings = nothing_kept();
  settings.max_traces = 2;
  TailSampler tail(settings);
  for (std::uint8_t trace = 1; trace <= 3; ++trace) tail.offer(span_of(trace), kStart);
  tail.decide_all();
  tail.offer(span_of(1), kStart);  // forgotten: held again
  EXPECT_EQ(tail.held(), 1U);
  tail.offer(span_of(3), kStart);
  EXPECT_EQ(tail.held(), 1U);
}

TEST(TailSampler, LatencyAndPrecedence) {
  TailSamplingSettings settings = nothing_kept();
  settings.latency = 1s;
  settings.errors = true;
  TailSampler tail(settings);
  tail.offer(span_of(1, 999ms), kStart);
  tail.offer(span_of(2, 1s), kStart);
  tail.offer(span_of(3, 2s, SpanStatus::kError), kStart);
  tail.decide_all();
  const auto out = tail.take();
  ASSERT_EQ(out.kept.size(), 2U);
  EXPECT_EQ(policy_of(out.kept[0]), "latency");
  EXPECT_EQ(policy_of(out.kept[1]), "errors");
  EXPECT_EQ(out.sampled_out, 1U);
}

TEST(TailSampler, SlowForItsRoute) {
  TailSamplingSettings settings = nothing_kept();
  settings.slower_than_route_p99 = true;
  TailSampler tail(settings);
  for (int i = 0; i < 1000; ++i) {
    Span span = span_of(0, 1ms + std::chrono::microseconds(i % 100));
    span.trace_id.bytes[1] = static_cast<std::uint8_t>(i >> 8);
    span.trace_id.bytes[2] = static_cast<std::uint8_t>(i);
    tail.offer(std::move(span), kStart);
  }
  Span other = span_of(200, 50ms);
  other.attributes[2].value = std::string("/other");
  tail.offer(span_of(201, 50ms), kStart);
  tail.offer(std::move(other), kStart);  // the first of its route: nothing is known of it
  tail.decide_all();
  const auto out = tail.take();
  ASSERT_EQ(out.kept.size(), 1U);
  EXPECT_EQ(out.kept[0].trace_id.bytes[9], 201);
  EXPECT_EQ(policy_of(out.kept[0]), "slow_route");
  EXPECT_EQ(out.sampled_out, 1001U);
}

TEST(TailSampler, RareRoutes) {
  TailSamplingSettings settings = nothing_kept();
  settings.rare_routes = 2;
  TailSampler tail(settings);
  for (std::uint8_t trace = 1; trace <= 4; ++trace) tail.offer(span_of(trace), kStart);
  tail.offer(span_of(5), kStart + 11min);  // another window
  tail.decide_all();
  const auto out = tail.take();
  ASSERT_EQ(out.kept.size(), 3U);
  EXPECT_EQ(out.kept[2].trace_id.bytes[9], 5);
  EXPECT_EQ(policy_of(out.kept[0]), "rare_route");
}

TEST(RouteStatistics, AMillionRoutesAreNeitherHeldNorRare) {
  RouteStatistics routes;
  Span span = span_of(1);
  std::uint64_t rare = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    span.attributes[2].value = "/random/" + std::to_string(i);
    rare += routes.observe(span, kStart, 5).rare ? 1 : 0;
  }
  EXPECT_EQ(routes.routes(), RouteStatistics::kMostRoutes);
  EXPECT_LE(rare, RouteStatistics::kMostRoutes + 1);
}

TEST(LatencySketch, QuantilesAreAtMostAnEighthTooLarge) {
  Random random(21);
  for (int round = 0; round < 200; ++round) {
    LatencySketch sketch;
    std::vector<std::int64_t> durations;
    for (std::uint64_t n = 1 + random.next() % 2000; n > 0; --n) {
      durations.push_back(static_cast<std::int64_t>(1024 + random.next() % (1ULL << (11 + random.next() % 28))));
      sketch.add(Duration(durations.back()));
    }
    std::ranges::sort(durations);
    for (const double q : {0.0, 0.5, 0.9, 0.99, 1.0}) {
      const auto rank = static_cast<std::size_t>(std::max(1.0, std::ceil(q * static_cast<double>(durations.size()))));
      const auto exact = static_cast<double>(durations[rank - 1]);
      const auto estimate = static_cast<double>(sketch.quantile(q).count());
      ASSERT_GT(estimate, exact * 0.999999) << q;
      ASSERT_LE(estimate, exact * 1.125 + 1) << q;
    }
  }
}

TEST(LatencySketch, OldDurationsWeighLess) {
  LatencySketch sketch;
  EXPECT_EQ(sketch.quantile(0.5), Duration{});
  for (int i = 0; i < 50'000; ++i) sketch.add(1s);
  EXPECT_LT(sketch.count(), LatencySketch::kHalvedAt);
  for (int i = 0; i < 50'000; ++i) sketch.add(1ms);
  EXPECT_LT(sketch.quantile(0.5), 2ms);
  sketch.add(-1s);
  sketch.add(24h);
  EXPECT_GT(sketch.quantile(1), 15min);
}

TEST(TailSampler, TheBaselineTellsItsShare) {
  TailSamplingSettings settings = nothing_kept();
  settings.baseline = 0.5;
  TailSampler tail(settings);
  const auto offer = [&](std::uint8_t random_byte, const char* state) {
    Span span = span_of(random_byte);
    span.trace_state = state;
    tail.offer(std::move(span), kStart);
  };
  offer(0x7f, "");
  offer(0x80, "");
  offer(0xbf, "ot=th:8");
  offer(0xc0, "ot=th:8,a=1");
  offer(0x10, "ot=rv:f0000000000000");
  tail.decide_all();
  const auto out = tail.take();
  ASSERT_EQ(out.kept.size(), 3U);
  EXPECT_EQ(out.kept[0].trace_state, "ot=th:8");
  EXPECT_EQ(out.kept[1].trace_state, "ot=th:c,a=1");
  EXPECT_EQ(out.kept[2].trace_state, "ot=th:8;rv:f0000000000000");
  EXPECT_EQ(policy_of(out.kept[0]), "baseline");
  EXPECT_EQ(out.sampled_out, 2U);
}

TEST(TailSampler, ARateIsOfNoKnownShareAndOthersKeepTheirs) {
  TailSamplingSettings settings = nothing_kept();
  settings.traces_per_second_per_service = 2;
  settings.errors = true;
  TailSampler tail(settings);
  for (std::uint8_t trace = 1; trace <= 4; ++trace) {
    Span span = span_of(trace);
    span.trace_state = "ot=th:0;x:1";
    tail.offer(std::move(span), kStart);
  }
  Span error = span_of(9, 1ms, SpanStatus::kError);
  error.trace_state = "ot=th:0;x:1";
  tail.offer(std::move(error), kStart);
  tail.decide_all();
  const auto out = tail.take();
  ASSERT_EQ(out.kept.size(), 3U);
  EXPECT_EQ(policy_of(out.kept[0]), "rate_limit");
  EXPECT_EQ(out.kept[0].trace_state, "ot=x:1");
  EXPECT_EQ(policy_of(out.kept[2]), "errors");
  EXPECT_EQ(out.kept[2].trace_state, "ot=th:0;x:1");
}

TEST(TailSampler, AFullBufferDecidesTheOldestEarly) {
  TailSamplingSettings settings = nothing_kept();
  settings.errors = true;
  settings.buffer.bytes = 10 * memory_of(span_of(1));
  TailSampler tail(settings);
  tail.offer(span_of(1, 1ms, SpanStatus::kError), kStart);
  for (std::uint8_t trace = 2; trace <= 100; ++trace) {
    tail.offer(span_of(trace), kStart);
    ASSERT_LE(tail.held_bytes(), settings.buffer.bytes);
  }
  const auto out = tail.take();
  EXPECT_EQ(out.kept.size(), 1U);
  EXPECT_EQ(out.kept.size() + out.buffer_full + tail.held(), 100U);
  EXPECT_EQ(out.traces_decided_early, 1 + out.buffer_full);
  EXPECT_EQ(out.sampled_out, 0U);
  EXPECT_GT(tail.held(), 5U);
  Span huge = span_of(200);
  huge.attributes.push_back({"a", std::string(settings.buffer.bytes, 'x')});
  tail.offer(std::move(huge), kStart);
  EXPECT_EQ(tail.held(), 0U);
  EXPECT_EQ(tail.held_bytes(), 0U);
}

TEST(ProcessingDrop, HasANameForEachCause) {
  EXPECT_EQ(to_text(ProcessingDrop::kFiltered), "filtered");
  EXPECT_EQ(to_text(ProcessingDrop::kHealthCheck), "health_check");
  EXPECT_EQ(to_text(ProcessingDrop::kSampledOut), "sampled_out");
  EXPECT_EQ(to_text(ProcessingDrop::kTailSampledOut), "tail_sampled_out");
  EXPECT_EQ(to_text(ProcessingDrop::kTailBufferFull), "tail_buffer_full");
  EXPECT_EQ(to_text(ProcessingDrop::kRateLimited), "rate_limited");
}

// Every span given is ready, dropped by one cause, or held, exactly once, whatever the order of calls.
TEST(SpanProcessor, EverySpanIsAccountedForOnce) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    const auto chance = [&random](std::uint64_t n) { return random.next() % n == 0; };
    ProcessingSettings settings;
    if (chance(2)) settings.filter.exclude = {{.path = "/a*"}};
    if (chance(2)) settings.sampling.services = {{.service = "s1", .sampler = "traceidratio", .sampler_arg = 0.5}};
    if (chance(2)) settings.limits.spans_per_second_per_service = static_cast<std::int64_t>(1 + random.next() % 100);
    settings.tail_sampling.enabled = !chance(4);
    settings.tail_sampling.max_traces = static_cast<std::int64_t>(1 + random.next() % 30);
    if (chance(2)) settings.tail_sampling.buffer.bytes = 2000 + random.next() % 100'000;
    if (chance(2)) settings.tail_sampling.traces_per_second_per_service = 3;
    AttributeKeys keys;
    SamplingScale scale;
    auto processor = SpanProcessor::make(settings, {}, keys, scale);
    ASSERT_TRUE(processor) << processor.error().message;
    const ResourcePtr resources[] = {testing::resource_of("s1"), testing::resource_of("s2"), nullptr};
    std::map<std::uint32_t, int> ready;
    std::uint64_t dropped = 0;
    std::uint32_t given = 0;
    const auto take = [&](const Processed& out) {
      for (const Span& span : out.ready) ++ready[span.process];
      dropped += out.dropped_in_all();
    };
    Time now = kStart;
    for (int step = 0; step < 200; ++step) {
      now = chance(20) ? Time{now.ns - 1'000'000'000}
                       : now + Duration(static_cast<std::int64_t>(random.next() % 1'000'000'000));
      if (chance(30)) scale.set(chance(2) ? 0.5 : 1);
      if (chance(5)) {
        take(processor->tick(now));
      } else if (chance(25)) {
        take(processor->release_all());
        ASSERT_EQ(processor->held(), 0U);
        ASSERT_EQ(processor->held_bytes(), 0U);
      } else {
        std::vector<Span> spans(random.next() % 10);
        for (Span& span : spans) {
          span = testing::http_request("GET",
                                       chance(3)   ? "/a"
                                       : chance(3) ? "/healthz"
                                                   : "/b",
                                       {}, resources[random.next() % 3]);
          span.trace_id.bytes[0] = 1;
          span.trace_id.bytes[9] = static_cast<std::uint8_t>(random.next() % 64);
          if (chance(10)) span.status = SpanStatus::kError;
          span.process = given++;
        }
        take(processor->process(std::move(spans), now));
      }
      ASSERT_EQ(ready.size() + dropped + processor->held(), given);
      ASSERT_EQ(processor->held() == 0, !processor->next_due());
    }
    for (const auto& [span, times] : ready) ASSERT_EQ(times, 1) << span;
    EXPECT_GT(ready.size(), 0U);
    EXPECT_GT(dropped, 0U);
  }
}

}  // namespace
}  // namespace telegen
