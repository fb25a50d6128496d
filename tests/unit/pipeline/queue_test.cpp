#include <gtest/gtest.h>

#include <cmath>

#include "base/metrics.h"
#include "helpers.h"
#include "pipeline/recent_spans.h"
#include "pipeline/span_intake.h"
#include "pipeline/span_queue.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;
using testing::metric;
using testing::spans_of;

Time at(Duration d) { return Time{} + d; }

TEST(SpanQueue, WaitingSpansGetTheResourceOfAProcessThatIsForgotten) {
  MetricRegistry metrics;
  SpanQueue queue({}, metrics);
  const auto clock = [] { return at(100s); };
  const auto resource = [](std::string name) {
    return std::make_shared<const Resource>(Resource{{{"service.name", std::move(name)}}});
  };
  queue.push(spans_of(3), at(1s));     // processes 0, 1, 2
  queue.push(spans_of(2, 1), at(1s));  // 1, 2
  const std::size_t before = queue.accounting().held_bytes;
  const ResourcePtr one = resource("one");
  queue.resolve({{1, one}, {9, resource("of nobody")}});
  EXPECT_EQ(queue.accounting().held_bytes, before + held_bytes(*one)) << "counted once";
  queue.resolve({{1, resource("the next with its pid")}});
  EXPECT_EQ(queue.accounting().held_bytes, before + held_bytes(*one));
  const Batch batch = queue.take(5, 1s, clock, {});
  for (const Span& span : batch.spans) EXPECT_EQ(span.resource, span.process == 1 ? one : nullptr) << span.process;
  EXPECT_EQ(batch.bytes, before + held_bytes(*one));
  queue.settle({.exported = 5}, batch.bytes);
  EXPECT_EQ(queue.accounting().held_bytes, 0U);
  EXPECT_TRUE(queue.accounting().balanced());
}

TEST(SpanQueue, ResourcesThatItWasGivenAreWithinItsLimit) {
  MetricRegistry metrics;
  const std::size_t spans = 4 * held_bytes(spans_of(1).front());
  SpanQueue queue({.mem_limit = {spans + 1000}}, metrics);
  queue.push(spans_of(4), at(1s));
  ASSERT_EQ(queue.accounting().held, 4U);
  queue.resolve({{3, std::make_shared<const Resource>(Resource{{{"key", std::string(2000, 'x')}}})}});
  EXPECT_LE(queue.accounting().held_bytes, spans + 1000);
  EXPECT_LT(queue.accounting().held, 4U);
  EXPECT_EQ(queue.accounting().held + queue.accounting().dropped_by(DropCause::kQueueFull), 4U);
  EXPECT_TRUE(queue.accounting().balanced());
}

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

TEST(RecentSpans, TidyHoldsNoMoreThanItShows) {
  RecentSpans recent(4);
  recent.tidy();
  EXPECT_TRUE(recent.snapshot().empty());
  std::vector<Span> spans = spans_of(10);
  const auto resource = std::make_shared<const Resource>(Resource{{{"service.name", std::string("shop")}}});
  for (Span& span : spans) span.resource = resource;
  auto batch = std::make_shared<const std::vector<Span>>(std::move(spans));
  const std::weak_ptr<const std::vector<Span>> held = batch;
  recent.add(std::move(batch));
  const std::vector<Span> before = recent.snapshot();
  ASSERT_EQ(before.size(), 4U);
  recent.tidy();
  EXPECT_TRUE(held.expired());
  const std::vector<Span> after = recent.snapshot();
  ASSERT_EQ(after.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(after[i].process, before[i].process);
    EXPECT_EQ(after[i].name, before[i].name);
    EXPECT_NE(after[i].resource, resource);
    EXPECT_EQ(after[i].resource, after[0].resource) << "shared as before";
    EXPECT_EQ(after[i].resource->attributes.size(), 1U);
  }
  recent.add(std::make_shared<const std::vector<Span>>(spans_of(1, 20)));
  EXPECT_EQ(recent.snapshot().back().process, 20U);
  EXPECT_EQ(recent.snapshot().front().process, 7U);
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

}  // namespace
}  // namespace telegen
