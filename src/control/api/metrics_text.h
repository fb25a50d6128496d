// The agent's own metrics in Prometheus' text format, version 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
#pragma once

#include <string>

#include "base/metrics.h"

namespace telegen {

inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

// HELP and TYPE once a family, its samples together, whatever the order of registration was.
std::string metrics_text(const MetricRegistry& registry);

}  // namespace telegen
