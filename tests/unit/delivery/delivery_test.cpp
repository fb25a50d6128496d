#include "delivery/delivery.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "helpers.h"

namespace telegen {
namespace {

using namespace testing;

// Takes all, or nothing while it is away.
class SwitchedTransport final : public Transport {
 public:
  SwitchedTransport(std::atomic<bool>& away, std::atomic<int>& bytes) : away_(away), bytes_(bytes) {}
  std::string_view authority() const override { return "h:1"; }
  SendOutcome send(Payload& payload, const SendContext&) override {
    if (away_) return Retry{std::nullopt, "connect h:1: Connection refused"};
    bytes_ += static_cast<int>(payload.bytes.size() - kFramePrefix);
    return Accepted{};
  }

 private:
  std::atomic<bool>& away_;
  std::atomic<int>& bytes_;
};

struct Rig {
  std::unique_ptr<Delivery> start(const std::vector<std::string>& names, SegmentSource& segments) {
    auto made = Delivery::start(plan(names), {segments, metrics, monotonic_now, unix_now, [] { return 0ULL; }});
    EXPECT_TRUE(made);
    return std::move(*made);
  }
  DeliveryPlan plan(const std::vector<std::string>& names) {
    DeliveryPlan plan{.queues = {}, .backoff = {.initial = 5ms, .max = 20ms}, .destinations = {}};
    for (const std::string& name : names) {
      plan.destinations.push_back({.name = name,
                                   .text = "otlp " + name,
                                   .signals = {Signal::kTraces, Signal::kLogs},
                                   .endpoints = {[this, name]() -> Result<std::unique_ptr<Transport>> {
                                     return std::make_unique<SwitchedTransport>(away[name], bytes[name]);
                                   }}});
    }
    return plan;
  }
  static void give(Delivery& delivery, Signal signal, std::uint32_t items) {
    delivery.pipeline(signal).receive(items);
    delivery.accept(signal, std::string(1000, 'x'), items, monotonic_now());
  }
  double metric(std::string_view name, const MetricLabels& labels) const {
    double found = -1;
    metrics.visit([&](const MetricSample& sample) {
      if (sample.name == name && *sample.labels == labels) found = sample.value;
    });
    return found;
  }
  MetricRegistry metrics;
  std::map<std::string, std::atomic<bool>> away;
  std::map<std::string, std::atomic<int>> bytes;
};

const Accounting& account(const SignalLedgers::Snapshot& snapshot, std::string_view name) {
  for (const auto& each : snapshot.destinations) {
    if (each.destination == name) return each.account;
  }
  static const Accounting none;
  ADD_FAILURE() << "no account of " << name;
  return none;
}

TEST(Delivery, EachDestinationHasACopyAndAnAccountOfItsOwn) {
  OwnMemory memory;
  Rig rig;
  rig.away["b"] = true;
  auto delivery = rig.start({"a", "b"}, memory);
  Rig::give(*delivery, Signal::kTraces, 7);
  delivery->pipeline(Signal::kTraces).receive(2);
  delivery->pipeline(Signal::kTraces).dropped(DropCause::kFiltered, 2);
  EXPECT_FALSE(delivery->flush(100ms)) << "b is away";
  auto snapshot = delivery->accounts(Signal::kTraces);
  EXPECT_EQ(snapshot.pipeline.received, 9U);
  EXPECT_EQ(snapshot.pipeline.dropped_by(DropCause::kFiltered), 2U);
  EXPECT_EQ(account(snapshot, "a").exported, 7U);
  EXPECT_EQ(account(snapshot, "b").held, 7U);
  for (const auto& each : snapshot.destinations) {
    EXPECT_TRUE(each.account.balanced());
    EXPECT_EQ(snapshot.pipeline.received,
              snapshot.pipeline.dropped_in_all() + snapshot.pipeline.held + each.account.received);
  }
  rig.away["b"] = false;
  EXPECT_TRUE(delivery->flush(5s));
  EXPECT_EQ(account(delivery->accounts(Signal::kTraces), "b").exported, 7U);
  EXPECT_GT(rig.bytes["a"], 0);
  EXPECT_LT(rig.bytes["a"], 1000) << "compressed";
  EXPECT_EQ(rig.metric("telegen_pipeline_received_total", {{"signal", "traces"}}), 9);
  EXPECT_EQ(rig.metric("telegen_pipeline_exported_total", {{"signal", "traces"}, {"destination", "b"}}), 7);
  EXPECT_EQ(rig.metric("telegen_pipeline_dropped_total", {{"signal", "traces"}, {"cause", "filtered"}}), 2);
  EXPECT_EQ(rig.metric("telegen_queue_bytes", {{"signal", "traces"}, {"destination", "nobody"}}), -1);
}

TEST(Delivery, WithoutAReceiverTheOutputsOfThisHostDecide) {
  OwnMemory memory;
  Rig rig;
  auto delivery = rig.start({}, memory);
  EXPECT_FALSE(delivery->has_destination(Signal::kTraces));
  delivery->pipeline(Signal::kTraces).receive(5);
  delivery->settle_here(Signal::kTraces, 3, true);
  delivery->settle_here(Signal::kTraces, 2, false);
  const auto snapshot = delivery->accounts(Signal::kTraces);
  EXPECT_EQ(snapshot.pipeline.held, 0U);
  EXPECT_EQ(account(snapshot, "local").exported, 3U);
  EXPECT_EQ(account(snapshot, "local").dropped_by(DropCause::kRefused), 2U);
  EXPECT_EQ(rig.metric("telegen_pipeline_exported_total", {{"signal", "traces"}, {"destination", "local"}}), 3);
}

TEST(Delivery, OtherDestinationsWhileItWorksLoseNothing) {
  OwnMemory memory;
  Rig rig;
  rig.away["a"] = true;
  auto delivery = rig.start({"a"}, memory);
  std::atomic<bool> done = false;
  std::atomic<std::uint32_t> given = 0;
  std::jthread giver([&] {
    while (!done) {
      Rig::give(*delivery, Signal::kTraces, 1);
      ++given;
      std::this_thread::sleep_for(1ms);
    }
  });
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(10ms);
    delivery->apply(rig.plan({"a"}));
  }
  rig.away["a"] = false;
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(10ms);
    delivery->apply(rig.plan({"a", "b"}));
  }
  done = true;
  giver.join();
  ASSERT_TRUE(delivery->flush(5s));
  const auto snapshot = delivery->accounts(Signal::kTraces);
  EXPECT_EQ(account(snapshot, "a").exported, given);
  EXPECT_EQ(snapshot.pipeline.held, 0U);
  EXPECT_LE(account(snapshot, "b").exported, given);
  EXPECT_TRUE(account(snapshot, "b").balanced());
  EXPECT_EQ(delivery->destinations(), (std::vector<std::string>{"otlp a", "otlp b"}));
  EXPECT_EQ(rig.metric("telegen_export_retries_total", {{"destination", "a"}}),
            rig.metric("telegen_export_requests_total", {{"destination", "a"}, {"outcome", "retry"}}))
      << "counters go on where senders are made anew";
}

TEST(Delivery, WhatWaitsForARemovedDestinationIsDroppedAndCounted) {
  OwnMemory memory;
  Rig rig;
  rig.away["b"] = true;
  auto delivery = rig.start({"a", "b"}, memory);
  Rig::give(*delivery, Signal::kTraces, 3);
  delivery->apply(rig.plan({"a"}));
  const auto snapshot = delivery->accounts(Signal::kTraces);
  EXPECT_EQ(account(snapshot, "b").dropped_by(DropCause::kRefused), 3U);
  EXPECT_EQ(account(snapshot, "b").held, 0U);
}

TEST(Delivery, WhatIsLeftAtTheEndIsDroppedFromMemoryAndCounted) {
  OwnMemory memory;
  Rig rig;
  rig.away["a"] = true;
  auto delivery = rig.start({"a"}, memory);
  Rig::give(*delivery, Signal::kTraces, 3);
  Rig::give(*delivery, Signal::kLogs, 4);
  delivery->stop(monotonic_now() + 50ms);
  EXPECT_EQ(account(delivery->accounts(Signal::kTraces), "a").dropped_by(DropCause::kShutdown), 3U);
  EXPECT_EQ(account(delivery->accounts(Signal::kLogs), "a").dropped_by(DropCause::kShutdown), 4U);
  EXPECT_TRUE(memory.existing()->empty() || rig.start({"a"}, memory)->flush(1s));
}

TEST(Delivery, WhatADeadWorkerHeldTheNextOneSends) {
  OwnMemory memory;
  Rig rig;
  rig.away["a"] = true;
  auto dead = rig.start({"a"}, memory);
  Rig::give(*dead, Signal::kTraces, 3);
  // As a SIGKILL leaves it: nothing of the first is ended before the second begins.
  Rig other;
  auto delivery = other.start({"a"}, memory);
  ASSERT_TRUE(delivery->flush(5s));
  EXPECT_EQ(account(delivery->accounts(Signal::kTraces), "a").exported, 3U);
  delivery.reset();
}

}  // namespace
}  // namespace telegen
