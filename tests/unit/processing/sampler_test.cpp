#include "processing/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "processing/span_processor.h"
#include "spans.h"

namespace telegen {
namespace {

Span span_with(std::uint8_t first_random_byte, std::uint8_t flags, bool has_parent, bool decided) {
  Span span;
  span.trace_id.bytes[0] = 1;
  span.trace_id.bytes[9] = first_random_byte;
  if (has_parent) span.parent_id.bytes[0] = 1;
  span.trace_decided = decided;
  span.trace_flags = flags;
  return span;
}

TEST(Sampler, NamesAndRatios) {
  EXPECT_FALSE(Sampler::make("sometimes", 1));
  EXPECT_FALSE(Sampler::make("parentbased_", 1));
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
  // Whoever began the trace decides, where he has.
  EXPECT_TRUE(keeps("parentbased_always_off", 0, span_with(0, 1, true, true)));
  EXPECT_FALSE(keeps("parentbased_always_on", 0, span_with(0, 0, true, true)));
  EXPECT_TRUE(keeps("parentbased_always_on", 0, span_with(0, 1, true, false)));
  EXPECT_FALSE(keeps("parentbased_always_off", 0, span_with(0xff, 1, true, false)));
  EXPECT_TRUE(keeps("parentbased_traceidratio", 0.25, span_with(0xc0, 1, true, false)));
  EXPECT_FALSE(keeps("parentbased_traceidratio", 0.25, span_with(0xbf, 1, true, false)));
}

TEST(Sampler, ThresholdOfTheTraceState) {
  const auto after = [](const char* name, double ratio, Span span, const char* state, double scale = 1) {
    span.trace_state = state;
    return Sampler::make(name, ratio)->decide(span, scale) ? span.trace_state : std::string("dropped");
  };
  const Span root = span_with(0xf0, 0, false, false), remote = span_with(0xf0, 1, true, true);
  const Span local = span_with(0xf0, 1, true, false);
  EXPECT_EQ(after("always_on", 1, root, ""), "");
  EXPECT_EQ(after("traceidratio", 0.5, root, ""), "ot=th:8");
  EXPECT_EQ(after("traceidratio", 0.25, root, "a=1"), "ot=th:c,a=1");
  EXPECT_EQ(after("always_on", 1, root, "ot=th:8"), "ot=th:0");
  EXPECT_EQ(after("traceidratio", 0.5, root, "ot=rv:7fffffffffffff"), "dropped");  // rv, not the trace id
  EXPECT_EQ(after("traceidratio", 0.5, root, "ot=rv:80000000000000"), "ot=th:8;rv:80000000000000");
  // A parent's decision is followed, with its threshold; one that cannot have kept the trace is taken out.
  EXPECT_EQ(after("parentbased_always_off", 0, remote, "a=1,ot=th:c;x:y"), "a=1,ot=th:c;x:y");
  EXPECT_EQ(after("parentbased_always_off", 0, remote, "a=1"), "a=1");
  EXPECT_EQ(after("parentbased_always_off", 0, remote, "a=1,ot=th:f8;x:y"), "ot=x:y,a=1");
  EXPECT_EQ(after("parentbased_always_off", 0, local, ""), "dropped");
  EXPECT_EQ(after("parentbased_traceidratio", 0.5, local, ""), "ot=th:8");
  // The scale multiplies the probability, whoever decided.
  EXPECT_EQ(after("always_on", 1, root, "", 0.5), "ot=th:8");
  EXPECT_EQ(after("traceidratio", 0.5, root, "", 0.25), "ot=th:e");
  EXPECT_EQ(after("parentbased_always_off", 0, remote, "ot=th:8", 0.5), "ot=th:c");
  EXPECT_EQ(after("parentbased_always_off", 0, remote, "", 0.25), "ot=th:c");
  EXPECT_EQ(after("parentbased_always_off", 0, remote, "ot=th:8", 0.01), "dropped");
  EXPECT_EQ(after("always_on", 1, root, "", 0), "dropped");
  // What is malformed is kept as it is.
  EXPECT_EQ(after("traceidratio", 0.5, root, "no member"), "no member");
}

TEST(TraceState, IsRead) {
  const auto threshold = [](const char* state) { return parse_sampling_state(state).threshold; };
  const auto randomness = [](const char* state) { return parse_sampling_state(state).randomness; };
  EXPECT_EQ(threshold("ot=th:8"), 1ULL << 55);
  EXPECT_EQ(threshold("ot=th:0"), 0U);
  EXPECT_EQ(threshold("a=b , ot=rv:0123456789abcd;th:00000000000001 ,c@d=e"), 1U);
  EXPECT_EQ(randomness("ot=rv:0123456789abcd;th:8"), 0x0123456789abcdULL);
  for (const char* state : {"", "ot=th:", "ot=th:123456789abcdef", "ot=th:G", "ot=th:A", "xot=th:8", "ot=xth:8",
                            "ot=th 8", "ot=th:8=", "ot=th:8,nothing", "OT=th:8"}) {
    EXPECT_FALSE(threshold(state)) << state;
  }
  for (const char* state : {"ot=rv:0123456789abc", "ot=rv:0123456789abcde", "ot=rv:0123456789abcX", "ot=rv:"}) {
    EXPECT_FALSE(randomness(state)) << state;
  }
}

TEST(TraceState, KeepsWhatOthersWrote) {
  EXPECT_EQ(with_threshold("", 1ULL << 55), "ot=th:8");
  EXPECT_EQ(with_threshold("", std::nullopt), "");
  EXPECT_EQ(with_threshold("ot=th:4", std::nullopt), "");
  EXPECT_EQ(with_threshold("b=2,ot=p:8;th:4;q:1,c=3", 0), "ot=th:0;p:8;q:1,b=2,c=3");
  EXPECT_EQ(with_threshold(",, b=2 ,", 0), "ot=th:0,b=2");
  std::string full;
  for (int i = 0; i < 32; ++i) full += (i == 0 ? "v" : ",v") + std::to_string(i) + "=1";
  const std::string more = with_threshold(full, 0);
  EXPECT_EQ(std::ranges::count(more, '='), 32);
  EXPECT_TRUE(more.starts_with("ot=th:0,v0=1,"));
  EXPECT_TRUE(more.ends_with(",v30=1"));
  EXPECT_EQ(with_threshold(full + ",v32=1", 0), full + ",v32=1");  // too many: malformed
  const std::string longest = "ot=" + std::string(250, 'x');
  EXPECT_EQ(with_threshold(longest, 0), "ot=th:0;" + std::string(250, 'x'));
  EXPECT_EQ(with_threshold(longest, 0x123456789abcdeULL), longest);
}

std::string random_state(Random& random) {
  constexpr std::string_view kPieces[] = {"ot=", "th:", "rv:", "8",   "0123456789abcd", ";", ",",
                                          " ",   "a=1", "=",   "p:x", "\xff",           "c"};
  std::string out;
  for (std::uint64_t n = random.next() % 8; n > 0; --n) out += kPieces[random.next() % std::size(kPieces)];
  return out;
}

// Whatever the header, the threshold that was written is the one that is read, and nothing else is lost; or the header
// is as it was.
TEST(TraceState, WhatIsWrittenIsRead) {
  Random random(12);
  int written = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::string state = random_state(random);
    const std::uint64_t threshold =
        random.next() % kSamplingRange >> random.next() % 56 << random.next() % 20 & (kSamplingRange - 1);
    const std::string after = with_threshold(state, threshold);
    if (after == state && parse_sampling_state(state).threshold != threshold) continue;
    ++written;
    ASSERT_EQ(parse_sampling_state(after).threshold, threshold) << state << " → " << after;
    ASSERT_EQ(parse_sampling_state(after).randomness, parse_sampling_state(state).randomness) << state;
    ASSERT_EQ(with_threshold(after, threshold), after);
  }
  EXPECT_GT(written, 10'000);
}

Span random_span(Random& random) {
  Span span;
  span.trace_id = testing::random_id<TraceId>(random);
  if (random.next() % 2 == 0) span.parent_id = testing::random_id<SpanId>(random);
  span.trace_decided = random.next() % 2 == 0;
  span.trace_flags = static_cast<std::uint8_t>(random.next() % 4);
  if (random.next() % 2 == 0) span.trace_state = random_state(random);
  return span;
}

TEST(Sampler, WhatIsKeptIsKeptAtEveryHigherProbability) {
  Random random(13);
  int kept = 0;
  for (int i = 0; i < 50'000; ++i) {
    const auto share = [&random] { return static_cast<double>(random.next() % 1001) / 1000; };
    const double ratio = share(), higher = ratio + (1 - ratio) * share(), scale = share(),
                 larger = scale + (1 - scale) * share();
    const char* name = random.next() % 2 == 0 ? "traceidratio" : "parentbased_traceidratio";
    const Span span = random_span(random);
    Span first = span, second = span, third = span;
    if (!Sampler::make(name, ratio)->decide(first, scale)) continue;
    ++kept;
    ASSERT_TRUE(Sampler::make(name, higher)->decide(second, scale));
    ASSERT_TRUE(Sampler::make(name, ratio)->decide(third, larger));
  }
  EXPECT_GT(kept, 5000);
}

// The spans that are kept stand, by their thresholds, for as many as there were.
TEST(Sampler, ThresholdsTellHowManyThereWere) {
  for (const double ratio : {0.9, 0.5, 0.1, 0.013}) {
    Random random(42);
    constexpr int kSpans = 100'000;
    const Sampler sampler = *Sampler::make("parentbased_traceidratio", ratio);
    int kept = 0;
    double stands_for = 0;
    for (int i = 0; i < kSpans; ++i) {
      Span span;
      span.trace_id = testing::random_id<TraceId>(random);
      if (!sampler.decide(span, 0.7)) continue;
      ++kept;
      const auto threshold = parse_sampling_state(span.trace_state).threshold;
      ASSERT_TRUE(threshold);
      ASSERT_EQ(span.trace_flags & 1, 1);
      stands_for += static_cast<double>(kSamplingRange) / static_cast<double>(kSamplingRange - *threshold);
    }
    const double expected = kSpans * ratio * 0.7;
    const double four_deviations = 4 * std::sqrt(expected * (1 - ratio * 0.7));
    EXPECT_NEAR(kept, expected, four_deviations) << ratio;
    EXPECT_NEAR(stands_for, kSpans, four_deviations / (ratio * 0.7)) << ratio;
  }
}

TEST(HeadSampling, TheFirstServiceThatMatchesDecides) {
  ProcessingSettings settings;
  settings.sampling.services = {{.service = "batch-*", .sampler = "always_off"},
                                {.service = "*-api", .sampler = "traceidratio", .sampler_arg = 0.5}};
  AttributeKeys keys;
  SamplingScale scale;
  auto processor = SpanProcessor::make(settings, {.name = "always_on"}, keys, scale);
  ASSERT_TRUE(processor);
  const auto process = [&](const char* service, std::uint8_t random_byte) {
    Span span = span_with(random_byte, 1, false, false);
    span.resource = testing::resource_of(service);
    return processor->process({span}, {});
  };
  EXPECT_EQ(process("batch-api", 0xff).dropped_by(ProcessingDrop::kSampledOut), 1U);
  EXPECT_EQ(process("shop-api", 0x10).dropped_by(ProcessingDrop::kSampledOut), 1U);
  ASSERT_EQ(process("shop-api", 0xa0).ready.size(), 1U);
  EXPECT_EQ(process("shop-api", 0xa0).ready[0].trace_state, "ot=th:8");
  EXPECT_EQ(process("shop", 0x10).ready.size(), 1U);
  std::thread([&scale] { scale.set(0.5); }).join();
  EXPECT_EQ(process("shop", 0x10).ready.size(), 0U);
  EXPECT_EQ(process("shop", 0xa0).ready[0].trace_state, "ot=th:8");
  EXPECT_EQ(process("shop-api", 0xa0).ready.size(), 0U);
  scale.set(1);
  EXPECT_EQ(process("shop", 0x10).ready.size(), 1U);
}

TEST(HeadSampling, SaysWhichKeysAreWrong) {
  ProcessingSettings settings;
  settings.sampling.services = {{.service = "", .sampler = "jaeger_remote"}};
  EXPECT_EQ(testing::keys_of(SpanProcessor::check(settings, {.name = "x"})),
            (std::vector<std::string>{"otlp.traces.sampler", "pipeline.sampling.services[0].service",
                                      "pipeline.sampling.services[0].sampler"}));
}

}  // namespace
}  // namespace telegen
