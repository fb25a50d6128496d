// What the loader holds requests of the worker against: may this process be looked at at all?
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "control/config/settings.h"
#include "discovery/selector.h"
#include "loader/plan/rules.h"

namespace telegen::app {

struct Scope {
  Selection selection;
  std::vector<CgroupMount> mounts;
  KernelRules rules;
};

// Compiles `discovery` against this host: mounts, cgroup ids, network namespaces.
Result<Scope> make_scope(const DiscoverySettings& settings);

// By what the selection says of control groups and pids, whatever else it asks for: a worker that was taken over can
// reach no process outside of them.
bool may_trace(const Scope& scope, std::uint32_t pid);

}  // namespace telegen::app
