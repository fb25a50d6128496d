#include "self_telemetry.h"

#include <unistd.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "discovery/resource_builder.h"
#include "export/otlp/logs.h"
#include "item_requests.h"
#include "metrics/own_metrics.h"
#include "model/log_record.h"
#include "version.h"

namespace telegen::app {
namespace {

constexpr const char* kProcessKey = "telegen.process";  // which of the agent's processes logged the line

Severity severity_of(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace: return Severity::kTrace;
    case LogLevel::kDebug: return Severity::kDebug;
    case LogLevel::kInfo: return Severity::kInfo;
    case LogLevel::kWarn: return Severity::kWarn;
    case LogLevel::kError: return Severity::kError;
    case LogLevel::kOff: break;  // no line has it
  }
  return Severity::kUnspecified;
}

LogRecord record_of(LogLine line, const ResourcePtr& resource) {
  LogRecord record;
  record.time = record.observed_time = line.time;
  record.severity = severity_of(line.level);
  record.severity_text = to_text(line.level);
  record.body = std::move(line.text);
  record.attributes.push_back({kProcessKey, std::move(line.process)});
  record.resource = resource;
  return record;
}

void say_refused(Signal signal) {
  const std::string name(to_text(signal));
  log_warn("the receiver takes no " + name + ", so those of the agent are offered seldom; otlp." + name +
           ".enabled: false or self_telemetry.export: false ends that");
}

}  // namespace

ResourcePtr own_resource(const Settings& settings, const HostInfo& host) {
  ProcessInfo process;
  process.pid = process.inner_pid = static_cast<std::uint32_t>(::getpid());
  process.service.name = settings.telegen.service_name;
  process.service.version = kVersion;
  process.service.instance_id = settings.telegen.instance_id;
  return std::make_shared<const Resource>(build_resource(host, process, {.agent_version = kVersion}));
}

void SelfTelemetry::tick(const Settings& settings, const ResourcePtr& resource, Time now, UnixTime wall) {
  tick_metrics(settings, resource, now, wall);
  tick_lines(settings, resource, now);
}

void SelfTelemetry::finish(const Settings& settings, const ResourcePtr& resource, Time now) {
  if (wants_lines(settings)) send_lines(settings, resource, now);
}

void SelfTelemetry::tick_metrics(const Settings& settings, const ResourcePtr& resource, Time now, UnixTime wall) {
  const bool wanted = settings.self_telemetry.export_own && delivery_.has_destination(Signal::kMetrics);
  if (!wanted) return metrics_time_.reset();
  const auto answer = metrics_time_.ask(settings.otlp.metrics.interval, now);
  if (answer == SendingTime::Answer::kNotYet) return;
  if (answer == SendingTime::Answer::kNowThenSeldom) say_refused(Signal::kMetrics);
  send_metrics(settings, resource, now, wall);
}

void SelfTelemetry::tick_lines(const Settings& settings, const ResourcePtr& resource, Time now) {
  if (!wants_lines(settings)) {
    lines_.take();  // nobody is to get them, so they need no memory
    return lines_time_.reset();
  }
  const auto answer = lines_time_.ask(settings.otlp.logs.batch_timeout, now);
  if (answer == SendingTime::Answer::kNotYet) return;
  if (answer == SendingTime::Answer::kNowThenSeldom) say_refused(Signal::kLogs);
  send_lines(settings, resource, now);
}

bool SelfTelemetry::wants_lines(const Settings& settings) {
  return settings.self_telemetry.export_own && delivery_.has_destination(Signal::kLogs);
}

void SelfTelemetry::send_metrics(const Settings& settings, const ResourcePtr& resource, Time now, UnixTime wall) {
  const std::vector<Metric> metrics = own_metrics(metrics_, start_, wall, resource);
  app::send_metrics(delivery_, metrics, settings.otlp, now);
}

void SelfTelemetry::send_lines(const Settings& settings, const ResourcePtr& resource, Time now) {
  LogTap::Taken taken = lines_.take();
  if (taken.lines.empty() && taken.dropped == 0) return;
  Ledger& ledger = delivery_.pipeline(Signal::kLogs);
  ledger.receive(taken.lines.size() + taken.dropped);
  ledger.dropped(DropCause::kQueueFull, taken.dropped);
  std::vector<LogRecord> records;
  records.reserve(taken.lines.size());
  for (LogLine& line : taken.lines) records.push_back(record_of(std::move(line), resource));
  const auto batch = static_cast<std::size_t>(settings.otlp.logs.batch_size);
  pass_on(delivery_, Signal::kLogs, std::span<const LogRecord>(records), batch, now,
          [&](std::span<const LogRecord> some) {
            return otlp::encode_logs_prefix(some, {.version = kVersion}, settings.otlp.max_request_size.bytes);
          });
}

}  // namespace telegen::app
