#include "self_telemetry.h"

#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <variant>

#include "base/log.h"
#include "discovery/resource_builder.h"
#include "export/otlp/metrics.h"
#include "metrics/own_metrics.h"
#include "version.h"

namespace telegen::app {
namespace {

constexpr Duration kAfterRefusal = std::chrono::minutes(15);

std::uint64_t points_of(const Metric& metric) {
  return std::visit([](const auto& data) { return data.points.size(); }, metric.data);
}

std::uint64_t points_of(std::span<const Metric> metrics) {
  return std::accumulate(metrics.begin(), metrics.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Metric& metric) { return sum + points_of(metric); });
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
  const bool wanted = settings.self_telemetry.export_metrics && delivery_.has_destination(Signal::kMetrics);
  if (!wanted) return next_.reset();
  if (next_ && now < *next_) return;
  const bool refused = next_ && is_refused();
  next_ = now + (refused ? kAfterRefusal : settings.otlp.metrics.interval);
  if (refused) {
    log_warn(
        "the receiver takes no metrics, so those of the agent are offered seldom; otlp.metrics.enabled: false or "
        "self_telemetry.export: false ends that");
  }
  send(settings, resource, now, wall);
}

// Since the last look nothing was taken, and something was refused for good.
bool SelfTelemetry::is_refused() {
  std::uint64_t exported = 0;
  std::uint64_t refused = 0;
  for (const auto& destination : delivery_.accounts(Signal::kMetrics).destinations) {
    exported += destination.account.exported;
    refused += destination.account.dropped_by(DropCause::kRefused);
  }
  const bool all = exported == exported_ && refused > refused_;
  exported_ = exported;
  refused_ = refused;
  return all;
}

void SelfTelemetry::send(const Settings& settings, const ResourcePtr& resource, Time now, UnixTime wall) {
  const std::vector<Metric> metrics = own_metrics(metrics_, start_, wall, resource);
  Ledger& ledger = delivery_.pipeline(Signal::kMetrics);
  ledger.receive(points_of(metrics));
  const auto batch = static_cast<std::size_t>(settings.otlp.metrics.batch_size);
  for (std::span<const Metric> left = metrics; !left.empty();) {
    const auto some = left.first(std::min(batch, left.size()));
    const otlp::Prefix request =
        otlp::encode_metrics_prefix(some, {.version = kVersion}, settings.otlp.max_request_size.bytes);
    const std::uint64_t points = points_of(some.first(request.taken));
    // A figure of the agent is never larger than a request may be, so what was taken is what was encoded.
    if (request.encoded != 0) {
      delivery_.accept(Signal::kMetrics, request.body, static_cast<std::uint32_t>(points), now);
    } else {
      ledger.dropped(DropCause::kOversized, points);
    }
    left = left.subspan(request.taken);
  }
}

}  // namespace telegen::app
