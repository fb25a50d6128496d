// What the environment allows this process, by its control groups, and what of that is in use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace telegen {

// Where the files are; a tree of fixtures in tests.
struct CgroupFiles {
  std::string root;              // put before every path; "" is this machine
  std::string process = "self";  // the process in /proc
};

struct EnvironmentLimits {
  std::optional<std::uint64_t> memory_bytes;  // nothing: unlimited
  std::optional<double> cpus;                 // cores; nothing: unlimited
};

// The strictest limit of the process's control groups and all above them that it can see. Of memory both the hard
// limit and the one above which the kernel throttles (memory.high) count. In a cgroup namespace what lies above its
// root cannot be seen; version 1 tells of it nevertheless (hierarchical_memory_limit). A host without control groups
// has no limits; an error is a /proc that cannot be read.
Result<EnvironmentLimits> read_environment_limits(const CgroupFiles& files);

// Bytes charged to the process's memory control group, without what the kernel would give up first (file cache that
// was not used lately). Whatever else lives in that group counts, as its limit is for all. Nothing where no file tells.
std::optional<std::uint64_t> read_memory_in_use(const CgroupFiles& files);

}  // namespace telegen
