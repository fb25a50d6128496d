#include "analytics/settings.h"

namespace telegen {

void describe(SettingsVisitor& v, SpanMetricsSettings& s) {
  v.field("enabled", s.enabled,
          "Make metrics of all spans, where a receiver gets metrics: how long requests took, by route, status and so "
          "on. Filters and sampling do not change them.");
  v.field("max_series", s.max_series,
          "The most series of one metric and process. What would be one too many is counted in a series that has the "
          "attribute `otel.metric.overflow` alone.",
          {.min = 2, .max = 1'000'000});
  v.field("mem_limit", s.mem_limit, "Memory of all series; beyond it, values go to those of overflow.",
          {.min = 1 << 20, .max = 16.0 * (1 << 30)});
  v.field("max_idle", s.max_idle, "How long a series is kept that no span updates.", {.min = 1, .max = 86'400});
}

}  // namespace telegen
