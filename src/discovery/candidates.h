// Which processes to look at when the agent starts. Where every entry of the selection names a control group or pids,
// no other process is looked at, not even listed: what an operator scoped stays in scope.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "discovery/cgroup.h"
#include "discovery/selector.h"

namespace telegen {

struct Candidates {
  std::vector<std::uint32_t> pids;  // sorted, distinct; a pid that was named need not exist
  bool whole_host = false;          // the selection has no such scope: all of /proc was listed
  bool truncated = false;           // there were more than `limit`
};

// A control group that does not exist (yet) has no processes; that is no error.
Result<Candidates> candidates(const std::vector<Selector>& instrument, const std::vector<CgroupMount>& mounts,
                              const std::string& proc_root, std::size_t limit = 65536);

}  // namespace telegen
