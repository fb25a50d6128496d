#include "processing/limits.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "processing/rate_limiter.h"
#include "processing/span_processor.h"
#include "spans.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;

Redactor default_redactor() {
  KeyProblems problems;
  return Redactor::compile({}, problems);
}

std::string shortened(std::string text, std::size_t limit) {
  const bool longer = text.size() > limit;
  EXPECT_EQ(shorten(text, limit), longer);
  return text;
}

TEST(Shorten, CutsBetweenCharacters) {
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(shortened("abcd", 3), "abc");
  EXPECT_EQ(shortened("aé", 2), "a");
  EXPECT_EQ(shortened("aé", 3), "aé");
  EXPECT_EQ(shortened("a€b", 3), "a");
  EXPECT_EQ(shortened("a€b", 4), "a€");
  EXPECT_EQ(shortened("😀😀", 7), "😀");
  EXPECT_EQ(shortened("\x80\x80\x80\x80\x80\x80", 4), "\x80\x80\x80\x80");  // no UTF-8: anywhere
  EXPECT_EQ(shortened("é", 0), "");
}

TEST(Shorten, WhatWasValidStaysValidAndLosesAtMostThreeBytes) {
  Random random(9);
  constexpr std::string_view kCharacters[] = {"a", "é", "€", "😀", "\n"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    std::vector<std::size_t> borders = {0};
    for (std::uint64_t n = random.next() % 30; n > 0; --n) {
      text += kCharacters[random.next() % std::size(kCharacters)];
      borders.push_back(text.size());
    }
    const std::size_t limit = random.next() % 40;
    const std::string cut = shortened(text, limit);
    ASSERT_TRUE(text.starts_with(cut));
    ASSERT_NE(std::ranges::find(borders, cut.size()), borders.end());
    ASSERT_GE(cut.size() + 3, std::min(limit, text.size()));
  }
}

TEST(SpanLimits, DropWhatIsTooManyAndSaySo) {
  Span span;
  for (int i = 0; i < 5; ++i) {
    span.attributes.push_back({"k", std::int64_t{i}});
    span.events.push_back({{}, "event " + std::to_string(i), {}});
  }
  span.dropped_attributes_count = 1;
  const SpanLimits limits({.attributes_per_span = 3, .events_per_span = 2}, default_redactor());
  const Trimmed trimmed = limits.apply(span);
  EXPECT_EQ(trimmed.attributes, 2U);
  EXPECT_EQ(trimmed.events, 3U);
  EXPECT_EQ(span.dropped_attributes_count, 3U);
  ASSERT_EQ(span.attributes.size(), 3U);
  EXPECT_EQ(std::get<std::int64_t>(span.attributes.back().value), 2);
  ASSERT_EQ(span.events.size(), 2U);
  EXPECT_EQ(span.events.back().name, "event 1");
}

TEST(SpanLimits, ShortenEveryText) {
  const std::string text(500, 'x');
  Span span;
  span.name = span.status_message = text;
  span.attributes = {{"a", text}, {"b", std::vector<std::string>{text, "short"}}, {"c", std::int64_t{5}}};
  span.events = {{{}, text, {{"a", text}}}};
  const SpanLimits limits({.value_length = 100, .name_length = 50}, default_redactor());
  EXPECT_EQ(limits.apply(span).shortened, 6U);
  EXPECT_EQ(span.name.size(), 50U);
  EXPECT_EQ(span.status_message.size(), 100U);
  EXPECT_EQ(std::get<std::string>(span.attributes[0].value).size(), 100U);
  EXPECT_EQ(std::get<std::vector<std::string>>(span.attributes[1].value)[0].size(), 100U);
  EXPECT_EQ(std::get<std::vector<std::string>>(span.attributes[1].value)[1], "short");
  EXPECT_EQ(span.events[0].name.size(), 50U);
  EXPECT_EQ(std::get<std::string>(span.events[0].attributes[0].value).size(), 100U);
  EXPECT_EQ(span.dropped_attributes_count, 0U);
}

TEST(SpanLimits, ALongValueGivesItsMemoryBack) {
  Span span;
  span.attributes = {{"a", std::string(10 << 20, 'x')}};
  const SpanLimits limits({}, default_redactor());
  EXPECT_EQ(limits.apply(span).shortened, 1U);
  const auto& value = std::get<std::string>(span.attributes[0].value);
  EXPECT_EQ(value.size(), 4096U);
  EXPECT_LT(value.capacity(), 20'000U);
}

// However a text is cut and whatever is replaced in it, no part of a card number is left at the end.
TEST(SpanLimits, ACutLeavesNoPartOfASecret) {
  Random random(4);
  const SpanLimits limits({.value_length = 200}, default_redactor());
  const std::string number = "4111111111111111";
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    const std::size_t size = 600 + random.next() % 1000;
    while (text.size() < size) {
      text += number;
      text.append(1 + random.next() % 5, ' ');
      if (random.next() % 3 == 0) text.append(random.next() % 300, 'x');
      text += ' ';
    }
    Span span;
    span.attributes = {{"a", text}};
    limits.apply(span);
    const auto& value = std::get<std::string>(span.attributes[0].value);
    ASSERT_EQ(value.find("4111"), std::string::npos) << value;
    ASSERT_LE(value.size(), 200U);
  }
}

TEST(RateLimiter, LetsThroughWhatASecondMayHave) {
  RateLimiter limiter(0, 10);
  const auto admitted = [&](const char* service, Time now) {
    int count = 0;
    for (int i = 0; i < 100; ++i) count += limiter.admits(service, now) ? 1 : 0;
    return count;
  };
  const Time start{5'000'000'000};
  EXPECT_EQ(admitted("a", start), 10);
  EXPECT_EQ(admitted("b", start), 10);
  EXPECT_EQ(admitted("a", start), 0);
  EXPECT_EQ(admitted("a", start + 500ms), 5);
  EXPECT_EQ(admitted("a", start + 100ms), 0);  // a clock that goes back gives nothing
  EXPECT_EQ(admitted("a", start + 1h), 10);
}

TEST(RateLimiter, TheLimitForAllHoldsForAll) {
  RateLimiter limiter(15, 10);
  int a = 0, b = 0;
  for (int i = 0; i < 100; ++i) a += limiter.admits("a", {1}) ? 1 : 0;
  for (int i = 0; i < 100; ++i) b += limiter.admits("b", {1}) ? 1 : 0;
  EXPECT_EQ(a, 10);
  EXPECT_EQ(b, 5);
  RateLimiter unlimited(0, 0);
  EXPECT_FALSE(unlimited.limits());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(unlimited.admits("a", {1}));
}

TEST(RateLimiter, AFloodOfServicesSharesOneBucket) {
  ServiceBuckets buckets(10);
  Time now{1'000'000'000'000};
  for (int i = 0; i < 100'000; ++i) buckets.of(std::to_string(i), now).take(now);
  EXPECT_EQ(buckets.size(), ServiceBuckets::kMostServices);
  EXPECT_FALSE(buckets.of("yet another", now).has_one(now));
  EXPECT_TRUE(buckets.of("17", now).has_one(now));
  now = now + 2s;
  EXPECT_TRUE(buckets.of("yet another", now).has_one(now));  // the idle were forgotten
  EXPECT_EQ(buckets.size(), 1U);
}

// Over any time t a bucket lets through at most rate × (t + 1 s).
TEST(RateLimiter, NeverLetsThroughMoreThanItsRate) {
  Random random(8);
  for (int round = 0; round < 50; ++round) {
    const auto rate = static_cast<std::int64_t>(1 + random.next() % 1000);
    RateLimiter limiter(rate, 0);
    Time now{1};
    std::uint64_t admitted = 0;
    for (int i = 0; i < 5000; ++i) {
      now = now + Duration(static_cast<std::int64_t>(random.next() % 2'000'000));
      admitted += limiter.admits("", now) ? 1 : 0;
      const double seconds = static_cast<double>(now.ns - 1) * 1e-9;
      ASSERT_LE(static_cast<double>(admitted), static_cast<double>(rate) * (seconds + 1) + 1e-6);
    }
    EXPECT_GT(admitted, 0U);
  }
}

TEST(SpanProcessor, CountsWhatTheRateLeavesOut) {
  ProcessingSettings settings;
  settings.limits.spans_per_second_per_service = 2;
  AttributeKeys keys;
  const SamplingScale scale;
  auto processor = SpanProcessor::make(settings, {}, keys, scale);
  ASSERT_TRUE(processor);
  std::vector<Span> spans;
  for (const char* service : {"a", "a", "b", "a", "a"}) {
    spans.push_back(testing::http_request("GET", "/", {}, testing::resource_of(service)));
  }
  const Processed out = processor->process(std::move(spans), {1});
  EXPECT_EQ(out.ready.size(), 3U);
  EXPECT_EQ(out.dropped_by(ProcessingDrop::kRateLimited), 2U);
}

}  // namespace
}  // namespace telegen
