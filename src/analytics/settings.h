// The section `pipeline.metrics` of the configuration. describe() visits the keys inside it.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/settings.h"

namespace telegen {

struct SpanMetricsSettings {
  bool enabled = true;
  std::int64_t max_series = 2000;  // of a metric and a process
  ByteSize mem_limit{64ULL << 20};
  Duration max_idle = std::chrono::minutes(5);
  bool operator==(const SpanMetricsSettings&) const = default;
};

void describe(SettingsVisitor& visitor, SpanMetricsSettings& settings);

}  // namespace telegen
