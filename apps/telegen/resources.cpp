#include "resources.h"

#include <unistd.h>

#include "base/log.h"
#include "control/config/scalar.h"

namespace telegen::app {
namespace {

AgentProcesses agent_processes() {
  return {.worker = static_cast<std::uint32_t>(::getpid()),
          .loader = static_cast<std::uint32_t>(::getppid()),
          .ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK))};
}

GovernorLimits governor_limits(const Settings& settings, const EnvironmentLimits& environment) {
  const EnvironmentLimits limits = effective_limits(settings.agent.resources, environment);
  return {.memory_bytes = limits.memory_bytes,
          .cpus = limits.cpus,
          .capture_bytes = static_cast<std::uint32_t>(settings.agent.ebpf.capture_bytes.bytes)};
}

}  // namespace

EnvironmentLimits environment_or_none() {
  const auto limits = read_environment_limits({});
  if (limits) return *limits;
  log_warn("the limits of the control group are not known: " + limits.error().message);
  return {};
}

BudgetPlan fit_to_limit(Settings& settings, const EnvironmentLimits& environment) {
  Budgets wanted;
  wanted.ring_bytes = settings.agent.ebpf.ringbuf_size.bytes;
  wanted.connections = static_cast<std::uint64_t>(settings.agent.ebpf.connections);
  wanted.traces_bytes = settings.queues.traces.mem_limit.bytes;
  wanted.metrics_bytes = settings.queues.metrics.mem_limit.bytes;
  wanted.logs_bytes = settings.queues.logs.mem_limit.bytes;
  wanted.profiles_bytes = 0;
  wanted.tail_bytes = settings.pipeline.tail_sampling.enabled ? settings.pipeline.tail_sampling.buffer.bytes : 0;
  wanted.series_bytes = settings.span_metrics.enabled ? settings.span_metrics.mem_limit.bytes : 0;
  const BudgetPlan plan = plan_budgets(wanted, effective_limits(settings.agent.resources, environment).memory_bytes);
  settings.agent.ebpf.ringbuf_size.bytes = plan.budgets.ring_bytes;
  settings.agent.ebpf.connections = static_cast<std::int64_t>(plan.budgets.connections);
  settings.queues.traces.mem_limit.bytes = plan.budgets.traces_bytes;
  settings.queues.metrics.mem_limit.bytes = plan.budgets.metrics_bytes;
  settings.queues.logs.mem_limit.bytes = plan.budgets.logs_bytes;
  if (settings.pipeline.tail_sampling.enabled) settings.pipeline.tail_sampling.buffer.bytes = plan.budgets.tail_bytes;
  if (settings.span_metrics.enabled) settings.span_metrics.mem_limit.bytes = plan.budgets.series_bytes;
  return plan;
}

std::vector<std::string> in_words(const BudgetPlan& plan) {
  std::vector<std::string> lines;
  lines.reserve(plan.scaled.size() + 1);
  for (const ScaledBudget& each : plan.scaled) {
    lines.push_back(each.key + " is " + std::to_string(each.granted) + ", not " + std::to_string(each.configured) +
                    ", to fit the memory limit");
  }
  if (!plan.fits) lines.emplace_back("the memory limit is too small for the agent, whatever it holds");
  return lines;
}

Resources::Resources(const Settings& settings, LoaderClient& client, std::function<void(double)> scale_sampling,
                     MetricRegistry& metrics)
    : processes_(agent_processes()),
      environment_(environment_or_none()),
      costs_(processes_, monotonic_now),
      keeper_(
          governor_limits(settings, environment_), agent_usage(environment_, {}, processes_),
          [&client, scale = std::move(scale_sampling)](const DegradationStep& step) {
            scale(step.sampling_scale);
            return client.set_capture(step.capture_bytes);
          },
          metrics) {
  costs_.expose(metrics);
}

}  // namespace telegen::app
