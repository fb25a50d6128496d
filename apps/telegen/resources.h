// The agent within its limits: what the governor room offers, bound to this worker.
#pragma once

#include <functional>

#include "control/config/settings.h"
#include "governor/budgets.h"
#include "governor/cgroup.h"
#include "governor/keeper.h"
#include "governor/process_costs.h"
#include "loader/handoff/client.h"

namespace telegen::app {

// For the loader, before anything is loaded: what is configured, scaled to fit the memory limit that holds. A queue,
// the ring or the connections may become smaller; the plan says which, for log and doctor.
EnvironmentLimits environment_or_none();
BudgetPlan fit_to_limit(Settings& settings, const EnvironmentLimits& environment);
// "of agent.ebpf.ringbuf_size 4Mi of 16Mi are used, to fit the memory limit", one a scaled budget.
std::vector<std::string> in_words(const BudgetPlan& plan);

class Resources {
 public:
  // `scale_sampling` is told what the sampler's rate is multiplied by. `client` and `metrics` outlive this object.
  Resources(const Settings& settings, LoaderClient& client, std::function<void(double)> scale_sampling,
            MetricRegistry& metrics);
  void tick(Time now) { keeper_.tick(now); }  // once a second, by one thread

 private:
  AgentProcesses processes_;
  EnvironmentLimits environment_;
  ProcessCosts costs_;
  ResourceKeeper keeper_;
};

}  // namespace telegen::app
