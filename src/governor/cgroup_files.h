// The formats of control groups as values: /proc/<pid>/cgroup and mountinfo (proc(5)), and the files of the memory and
// cpu controllers (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst, scheduler/sched-bwc.rst). Pure; every
// function takes any bytes, cut anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telegen {

// Where a controller's hierarchy is found and where in it the process stands.
struct CgroupPlace {
  int version = 2;        // 1 or 2
  std::string mount;      // "/sys/fs/cgroup/memory"
  std::string directory;  // of the process: the mount, or below it
};

// The controller ("memory", "cpu") of the process whose /proc/<pid>/cgroup and mountinfo these are: a version 1
// hierarchy if one has it, else version 2. Nothing where no mount shows it. A path that lies outside of what the mount
// shows (another cgroup namespace) gives the mount itself: what can be seen nearest to the process.
std::optional<CgroupPlace> find_controller(std::string_view cgroup, std::string_view mountinfo,
                                           std::string_view controller);

// The directory and those above it, up to and with the mount: what limits one limits all below it.
std::vector<std::string> with_ancestors(const CgroupPlace& place);

// memory.max, memory.high, memory.limit_in_bytes: bytes. Nothing: no limit ("max", or version 1's number that no
// machine has), or not such a file.
std::optional<std::uint64_t> parse_memory_limit(std::string_view text);

// cpu.max, "<quota> <period>" in microseconds: cores. Nothing: "max".
std::optional<double> parse_cpu_max(std::string_view text);
// cpu.cfs_quota_us and cpu.cfs_period_us: cores. Nothing: a quota of -1.
std::optional<double> parse_cfs(std::string_view quota, std::string_view period);

// memory.current, memory.usage_in_bytes: bytes.
std::optional<std::uint64_t> parse_bytes(std::string_view text);
// One "key value" line of memory.stat.
std::optional<std::uint64_t> parse_stat_value(std::string_view text, std::string_view key);

}  // namespace telegen
