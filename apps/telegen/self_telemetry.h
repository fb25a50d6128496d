// What the agent counts about itself, sent to its receivers as everybody's metrics are.
#pragma once

#include <optional>

#include "base/metrics.h"
#include "control/config/settings.h"
#include "delivery/delivery.h"
#include "discovery/host.h"
#include "model/resource.h"

namespace telegen::app {

// The agent as a resource: its service, this process, this host.
ResourcePtr own_resource(const Settings& settings, const HostInfo& host);

// One thread.
class SelfTelemetry {
 public:
  // `start`: when the registry began to count.
  SelfTelemetry(MetricRegistry& metrics, Delivery& delivery, UnixTime start)
      : metrics_(metrics), delivery_(delivery), start_(start) {}

  // Sends the metrics where it is time to: every otlp.metrics.interval. A receiver that refuses them all takes no
  // metrics; then it is tried seldom, and said once.
  void tick(const Settings& settings, const ResourcePtr& resource, Time now, UnixTime wall);

 private:
  void send(const Settings& settings, const ResourcePtr& resource, Time now, UnixTime wall);
  bool is_refused();

  MetricRegistry& metrics_;
  Delivery& delivery_;
  const UnixTime start_;
  std::optional<Time> next_;
  std::uint64_t exported_ = 0;  // of the destinations, when they were looked at last
  std::uint64_t refused_ = 0;
};

}  // namespace telegen::app
