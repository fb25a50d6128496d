// Asks once a second what the agent uses, lets the governor decide, and has it carried out. The worker's main thread
// calls tick; the figures in /metrics may be read by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "governor/governor.h"
#include "governor/usage.h"

namespace telegen {

class ResourceKeeper {
 public:
  // `apply` puts a step into force: the loader's capture, the sampler's scale. Where it fails, it is called again at
  // the next tick. Registers telegen_governor_{level,capture_bytes,sampling_scale,changes_total} and, where memory is
  // limited, telegen_governor_memory_{bytes,limit_bytes}. `metrics` must not be asked after this object is gone.
  ResourceKeeper(const GovernorLimits& limits, UsageSources sources,
                 std::function<Result<void>(const DegradationStep&)> apply, MetricRegistry& metrics);

  // A change of the level is logged: there are few.
  void tick(Time now);
  const DegradationStep& step() const { return governor_.step(); }
  Pressure pressure() const { return governor_.pressure(); }

 private:
  void expose(MetricRegistry& metrics);
  void show();

  GovernorLimits limits_;
  UsageSources sources_;
  std::function<Result<void>(const DegradationStep&)> apply_;
  Governor governor_;
  bool in_force_ = true;
  RepeatedLog failures_;
  std::atomic<double> sampling_scale_{1};
  Gauge& level_;
  Gauge& capture_bytes_;
  Counter& changes_;
  std::atomic<std::uint64_t> memory_bytes_{0};
};

}  // namespace telegen
