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

// By what can be told from a process's pid and control groups, which it cannot choose: a worker that was taken over can
// reach no process that an exclusion by these alone names, and none that no entry of `instrument` could select. What
// hangs on more (an executable's path, ports) the worker decides. No memberships: the process is gone or hidden; then
// nothing that asks for a control group lets it pass.
bool may_trace(const Selection& selection, std::uint32_t pid, const std::vector<CgroupMembership>& memberships);
// The same of a process of this host.
bool may_trace(const Scope& scope, std::uint32_t pid);

}  // namespace telegen::app
