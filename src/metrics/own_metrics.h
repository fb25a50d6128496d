// The agent's own instruments (base/metrics.h) as metrics for OTLP. Names, help and labels stay as /metrics shows them,
// so that one query finds a figure whichever way it came: telegen_spans_exported_total is a monotonic cumulative sum of
// that name, not "telegen.spans.exported". Any thread.
#pragma once

#include <vector>

#include "base/metrics.h"
#include "model/metric.h"

namespace telegen {

// One metric a name, in the order of registration, with a point for each of its label sets. Counters and histograms
// count from `start`, the time at which the registry began; a clock set back since then does not make `now` lie before
// it. A reading that is not a number, and a counter's that is not finite, has no point. Counters are integers up to
// 2^63.
std::vector<Metric> own_metrics(const MetricRegistry& registry, UnixTime start, UnixTime now,
                                const ResourcePtr& resource);

}  // namespace telegen
