// A receiver that keeps what it is sent and answers as it is told, and the delivery to it with a clock of the test's.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "delivery/delivery.h"
#include "delivery/segment_source.h"

namespace telegen::app {

struct Receiver {
  std::mutex mutex;
  std::vector<std::string> requests;  // what it was sent
  SendOutcome answer = Accepted{};
};

class FakeTransport final : public Transport {
 public:
  // `only`: the one signal that may come.
  FakeTransport(Receiver& receiver, Signal only) : receiver_(receiver), only_(only) {}
  std::string_view authority() const override { return "h:1"; }
  SendOutcome send(Payload& payload, const SendContext&) override {
    const std::scoped_lock lock(receiver_.mutex);
    EXPECT_EQ(payload.signal, only_);
    receiver_.requests.push_back(payload.bytes.substr(kFramePrefix));
    return receiver_.answer;
  }

 private:
  Receiver& receiver_;
  Signal only_;
};

// To one destination that gets `signals`, of which `only` is ever sent. All arguments outlive it.
inline std::unique_ptr<Delivery> delivery_to(Receiver& receiver, Signal only, std::vector<Signal> signals,
                                             SegmentSource& segments, MetricRegistry& metrics,
                                             const std::atomic<std::uint64_t>& now) {
  DeliveryPlan plan{.queues = {}, .backoff = {}, .destinations = {}};
  plan.destinations.push_back({.name = "otlp",
                               .text = "otlp h:1",
                               .signals = std::move(signals),
                               .endpoints = {[&receiver, only]() -> Result<std::unique_ptr<Transport>> {
                                 return std::make_unique<FakeTransport>(receiver, only);
                               }},
                               .compression = Compression::kNone});
  auto made = Delivery::start(std::move(plan), {.segments = segments,
                                                .metrics = metrics,
                                                .clock = [&now] { return Time{now.load()}; },
                                                .wall_clock = unix_now,
                                                .random = [] { return std::uint64_t{0}; }});
  EXPECT_TRUE(made);
  return std::move(*made);
}

}  // namespace telegen::app
