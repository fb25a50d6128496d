// Metrics to the bytes of an opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest. Pure; any thread.
// Format: opentelemetry-proto 1.x, metrics/v1/metrics.proto.
#pragma once

#include <cstddef>
#include <span>

#include "export/otlp/otlp.h"
#include "model/metric.h"

namespace telegen::otlp {

// An item is a metric with all its points, so whoever makes metrics keeps them small (the registry in `metrics` does).
Prefix encode_metrics_prefix(std::span<const Metric> metrics, const Scope& scope, std::size_t max_bytes);

}  // namespace telegen::otlp
