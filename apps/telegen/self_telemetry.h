// What the agent counts about itself and the lines that it logs, sent to its receivers as everybody's are.
#pragma once

#include "base/log.h"
#include "base/metrics.h"
#include "control/config/settings.h"
#include "delivery/delivery.h"
#include "discovery/host.h"
#include "model/resource.h"
#include "sending_time.h"

namespace telegen::app {

// The agent as a resource: its service, this process, this host.
ResourcePtr own_resource(const Settings& settings, const HostInfo& host);

// One thread.
class SelfTelemetry {
 public:
  // `start`: when the registry began to count.
  SelfTelemetry(MetricRegistry& metrics, LogTap& lines, Delivery& delivery, UnixTime start)
      : metrics_(metrics), lines_(lines), delivery_(delivery), start_(start) {}

  // Sends the metrics where it is time to: every otlp.metrics.interval; and the lines every otlp.logs.batch_timeout.
  // A line that is due to the sending of lines is sent as well. That feeds itself no faster than RepeatedLog speaks,
  // once a minute for each complaint, and what it can add meanwhile is bounded by the tap.
  void tick(const Settings& settings, const ResourcePtr& resource, Time now, UnixTime wall);
  // Sends the lines that wait, before the delivery is stopped. What is logged later is only written.
  void finish(const Settings& settings, const ResourcePtr& resource, Time now);

 private:
  void tick_metrics(const Settings& settings, const ResourcePtr& resource, Time now, UnixTime wall);
  void tick_lines(const Settings& settings, const ResourcePtr& resource, Time now);
  bool wants_lines(const Settings& settings);
  void send_metrics(const Settings& settings, const ResourcePtr& resource, Time now, UnixTime wall);
  void send_lines(const Settings& settings, const ResourcePtr& resource, Time now);

  MetricRegistry& metrics_;
  LogTap& lines_;
  Delivery& delivery_;
  const UnixTime start_;
  SendingTime metrics_time_{delivery_, Signal::kMetrics};
  SendingTime lines_time_{delivery_, Signal::kLogs};
};

}  // namespace telegen::app
