#include "control/api/metrics_text.h"

#include <gtest/gtest.h>

namespace telegen {
namespace {

TEST(ApiMetricsText, AHistogramsBucketsAreCumulative) {
  MetricRegistry registry;
  Histogram& histogram = registry.histogram("h_seconds", "H.", {0.5, 1}, {{"k", "v"}});
  for (const double value : {0.5, 0.75, 0.75, 4.0}) histogram.observe(value);
  EXPECT_EQ(metrics_text(registry),
            "# HELP h_seconds H.\n# TYPE h_seconds histogram\n"
            "h_seconds_bucket{k=\"v\",le=\"0.5\"} 1\n"
            "h_seconds_bucket{k=\"v\",le=\"1\"} 3\n"
            "h_seconds_bucket{k=\"v\",le=\"+Inf\"} 4\n"
            "h_seconds_sum{k=\"v\"} 6\n"
            "h_seconds_count{k=\"v\"} 4\n");
}

}  // namespace
}  // namespace telegen
