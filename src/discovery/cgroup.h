// Control groups as discovery needs them: where a process is, which container that means, where the trees are mounted.
// Formats: cgroups(7), proc(5). Container forms: the cgroup drivers "systemd" and "cgroupfs" of Docker, containerd,
// CRI-O, Podman and the kubelet (KEP-2254 for the pod slices).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace telegen {

// One line of /proc/<pid>/cgroup. `controllers` is "" for cgroup v2, else as in the line ("cpu,cpuacct",
// "name=systemd").
struct CgroupMembership {
  std::string controllers;
  std::string path;  // starts with '/'
  bool operator==(const CgroupMembership&) const = default;
};
std::vector<CgroupMembership> parse_cgroup(std::string_view text);

struct ContainerRef {
  std::string id;       // 64 hexadecimal digits (or the task id form of ECS); empty: not in a container
  std::string runtime;  // docker, containerd, cri-o, podman; empty where the path does not tell
  std::string pod_uid;  // of a Kubernetes pod, with dashes; empty: none
  bool operator==(const ContainerRef&) const = default;
};
// From the memberships of one process: cgroup v2 where it tells, else any hierarchy. The innermost container counts.
ContainerRef find_container(const std::vector<CgroupMembership>& memberships);

// A mounted hierarchy, from /proc/self/mountinfo.
struct CgroupMount {
  std::string controllers;  // as in CgroupMembership
  std::string mount_point;
  std::string root;  // which part of the hierarchy is mounted there
};
std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo);
Result<std::vector<CgroupMount>> read_cgroup_mounts(const std::string& proc_root);

// A cgroup that a user names: "/telegen-test" (of cgroup v2 where it is mounted, else of any hierarchy) or its place in
// the file system, "/sys/fs/cgroup/telegen-test".
struct CgroupPath {
  bool any_hierarchy = false;
  std::string controllers;  // as in CgroupMembership; meaningless with any_hierarchy
  std::string path;         // inside the hierarchy, no trailing '/', "" is the root
  bool operator==(const CgroupPath&) const = default;
};
CgroupPath resolve_cgroup(std::string_view named, const std::vector<CgroupMount>& mounts);
// Is it that group or one below?
bool contains(const CgroupPath& group, const std::vector<CgroupMembership>& memberships);
// Where to find it in the file system; empty: not mounted.
std::vector<std::string> directories_of(const CgroupPath& group, const std::vector<CgroupMount>& mounts);

}  // namespace telegen
