#include "governor/budgets.h"

#include <algorithm>
#include <bit>

namespace telegen {
namespace {

struct Store {
  const char* key;
  std::uint64_t Budgets::* budget;
  std::uint64_t minimum;
  std::uint64_t unit_bytes;  // what one of it costs
};

constexpr Store kStores[] = {
    {"agent.ebpf.ringbuf_size", &Budgets::ring_bytes, 256 << 10, 1},
    {"agent.ebpf.connections", &Budgets::connections, 4096, kBytesPerConnection},
    {"queues.traces.mem_limit", &Budgets::traces_bytes, 4 << 20, 1},
    {"queues.metrics.mem_limit", &Budgets::metrics_bytes, 2 << 20, 1},
    {"queues.logs.mem_limit", &Budgets::logs_bytes, 4 << 20, 1},
    {"queues.profiles.mem_limit", &Budgets::profiles_bytes, 1 << 20, 1},
    {"pipeline.tail_sampling.buffer", &Budgets::tail_bytes, 1 << 20, 1},
    {"pipeline.metrics.mem_limit", &Budgets::series_bytes, 1 << 20, 1},
};

constexpr std::uint64_t kWhole = 1 << 20;  // a factor of 1, in steps that are exact

std::uint64_t scaled(const Store& store, std::uint64_t configured, std::uint64_t factor) {
  if (factor == kWhole) return configured;
  // In two parts, so that no size overflows.
  std::uint64_t granted = configured / kWhole * factor + configured % kWhole * factor / kWhole;
  if (store.budget == &Budgets::ring_bytes) granted = std::bit_floor(granted);
  return std::clamp(granted, std::min(store.minimum, configured), configured);
}

Budgets scaled(const Budgets& configured, std::uint64_t factor) {
  Budgets budgets;
  for (const Store& store : kStores) budgets.*store.budget = scaled(store, configured.*store.budget, factor);
  return budgets;
}

std::uint64_t divided(std::uint64_t limit) {
  if (limit <= kBaseBytes) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(limit - kBaseBytes) * kBudgetedShare);
}

}  // namespace

std::uint64_t cost(const Budgets& budgets) {
  std::uint64_t sum = 0;
  for (const Store& store : kStores) {
    std::uint64_t units = budgets.*store.budget;
    if (store.budget == &Budgets::ring_bytes && units > 0) units = std::bit_ceil(units);  // as the loader makes it
    sum += units * store.unit_bytes;
  }
  return sum;
}

BudgetPlan plan_budgets(const Budgets& configured, std::optional<std::uint64_t> memory_limit) {
  BudgetPlan plan{.budgets = configured};
  if (!memory_limit) return plan;
  const std::uint64_t available = divided(*memory_limit);
  std::uint64_t fitting = 0;
  for (std::uint64_t step = kWhole; step > 0; step /= 2) {
    const std::uint64_t factor = fitting + step;
    if (factor <= kWhole && cost(scaled(configured, factor)) <= available) fitting = factor;
  }
  plan.budgets = scaled(configured, fitting);
  plan.fits = cost(plan.budgets) <= available;
  for (const Store& store : kStores) {
    const std::uint64_t wanted = configured.*store.budget;
    const std::uint64_t granted = plan.budgets.*store.budget;
    if (granted < wanted) plan.scaled.push_back({store.key, wanted, granted});
  }
  return plan;
}

}  // namespace telegen
