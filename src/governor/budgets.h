// How much memory each bounded store of the agent may take, so that all of them, full at once, fit a limit. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace telegen {

// Maxima: nothing here is taken before it is needed, but the ring.
struct Budgets {
  std::uint64_t ring_bytes = 0;
  std::uint64_t connections = 0;  // entries; see kBytesPerConnection
  std::uint64_t traces_bytes = 0;
  std::uint64_t metrics_bytes = 0;
  std::uint64_t logs_bytes = 0;
  std::uint64_t profiles_bytes = 0;
  std::uint64_t tail_bytes = 0;    // spans that wait for the rest of their trace
  std::uint64_t series_bytes = 0;  // of the metrics of spans
  bool operator==(const Budgets&) const = default;
};

// One that is smaller than configured, by the configuration's key.
struct ScaledBudget {
  std::string key;  // "queues.traces.mem_limit"
  std::uint64_t configured = 0;
  std::uint64_t granted = 0;
  bool operator==(const ScaledBudget&) const = default;
};

struct BudgetPlan {
  Budgets budgets;
  std::vector<ScaledBudget> scaled;  // empty: all as configured
  bool fits = true;                  // false: even the smallest budgets, all full, would not fit
};

// What loader and worker take before they hold anything (measured: about 45 MB, most of it file-backed).
constexpr std::uint64_t kBaseBytes = 45'000'000;
// An entry of the kernel's table, and what the worker keeps of a connection in use. An estimate.
constexpr std::uint64_t kBytesPerConnection = 1024;
// Of what the limit leaves beyond the base, this share is divided; the rest is for what has no budget of its own
// (processes and their resources, requests in flight, the allocator's gaps).
constexpr double kBudgetedShare = 0.8;

// The bytes that these budgets may take, all full.
std::uint64_t cost(const Budgets& budgets);

// Every budget is scaled by one factor, the largest that fits; none goes below its minimum (or what is configured,
// where that is less) nor above what is configured. A larger limit never makes a budget smaller. The ring is a power of
// two. No limit: as configured.
BudgetPlan plan_budgets(const Budgets& configured, std::optional<std::uint64_t> memory_limit);

}  // namespace telegen
