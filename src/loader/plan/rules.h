// The selection of the configuration → the rules that the kernel side decides by. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "abi/selection.h"
#include "discovery/selector.h"

namespace telegen {

struct KernelRules {
  std::vector<tg_rule> rules;
  std::vector<std::string> notes;  // what the kernel cannot decide alone, or could not be found; for the log and doctor
};

// The kernfs id of a cgroup v2 directory (its inode number); nothing where it does not exist or is not v2.
using CgroupIdOf = std::function<std::optional<std::uint64_t>(const CgroupPath&)>;

KernelRules compile_rules(const Selection& selection, const CgroupIdOf& cgroup_id);

}  // namespace telegen
