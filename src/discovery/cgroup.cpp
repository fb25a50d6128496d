#include "discovery/cgroup.h"

#include <algorithm>
#include <array>
#include <optional>

#include "discovery/proc_files.h"
#include "discovery/text.h"

namespace telegen {
namespace {

constexpr std::size_t kMaxHierarchies = 64;
constexpr std::size_t kContainerIdLength = 64;

// The name of a scope or folder starts with who made it. Longest match first is not needed: no prefix starts another.
struct Engine {
  std::string_view prefix;
  std::string_view runtime;
};
constexpr std::array kEngines = {Engine{"docker-", "docker"}, Engine{"cri-containerd-", "containerd"},
                                 Engine{"crio-", "cri-o"}, Engine{"libpod-", "podman"},
                                 Engine{"containerd-", "containerd"}};

bool is_container_id(std::string_view text) { return text.size() == kContainerIdLength && all_of_class(text, is_hex); }

// Amazon ECS on Fargate: "<32 hexadecimal digits>-<decimal>".
bool is_ecs_id(std::string_view text) {
  return text.size() > 33 && text[32] == '-' && all_of_class(text.substr(0, 32), is_hex) &&
         all_of_class(text.substr(33), is_digit);
}

// "kubepods-burstable-pod0a1b_…_.slice", "pod0a1b-…": the uid with dashes, or nullopt.
std::optional<std::string> pod_uid(std::string_view segment) {
  constexpr std::string_view kSlice = ".slice";
  if (segment.ends_with(kSlice)) segment.remove_suffix(kSlice.size());
  const std::size_t at = segment.rfind("pod");
  if (at == std::string_view::npos || (at != 0 && !segment.starts_with("kubepods"))) return std::nullopt;
  std::string uid(segment.substr(at + 3));
  std::replace(uid.begin(), uid.end(), '_', '-');
  const bool plain = uid.size() >= 32 && uid.size() <= 36 &&
                     std::all_of(uid.begin(), uid.end(), [](char c) { return is_hex(c) || c == '-'; });
  if (!plain) return std::nullopt;
  return uid;
}

// One folder of a cgroup path as a container: runtime and id, or nullopt.
std::optional<ContainerRef> container_of(std::string_view segment, std::string_view parent) {
  constexpr std::string_view kScope = ".scope";
  if (segment.ends_with(kScope)) segment.remove_suffix(kScope.size());
  if (const std::size_t colon = segment.rfind(':'); colon != std::string_view::npos) {
    // The systemd form given to the cgroupfs driver: "kubepods-podX.slice:cri-containerd:<id>".
    std::string_view engine = segment.substr(0, colon);
    const std::size_t before = engine.rfind(':');
    if (before != std::string_view::npos) engine.remove_prefix(before + 1);
    if (!is_container_id(segment.substr(colon + 1))) return std::nullopt;
    for (const Engine& known : kEngines) {
      if (known.prefix.substr(0, known.prefix.size() - 1) == engine) {
        return ContainerRef{std::string(segment.substr(colon + 1)), std::string(known.runtime), {}};
      }
    }
    return ContainerRef{std::string(segment.substr(colon + 1)), {}, {}};
  }
  for (const Engine& known : kEngines) {
    if (!segment.starts_with(known.prefix)) continue;
    const std::string_view id = segment.substr(known.prefix.size());
    // "crio-conmon-<id>" and "libpod-conmon-<id>" hold the monitor, which is outside of the container: no id follows.
    if (is_container_id(id)) return ContainerRef{std::string(id), std::string(known.runtime), {}};
  }
  if (is_container_id(segment)) {
    return ContainerRef{std::string(segment), parent == "docker" ? "docker" : "", {}};
  }
  if (is_ecs_id(segment)) return ContainerRef{std::string(segment), {}, {}};
  return std::nullopt;
}

ContainerRef container_of_path(std::string_view path) {
  ContainerRef out;
  std::string_view parent;
  for (const std::string_view segment : split(path, '/')) {
    if (auto found = container_of(segment, parent)) {
      out.id = std::move(found->id);
      out.runtime = std::move(found->runtime);
    }
    // "kubepods-podX.slice:cri-containerd:<id>" names both.
    if (auto uid = pod_uid(segment.substr(0, segment.find(':')))) out.pod_uid = std::move(*uid);
    parent = segment;
  }
  return out;
}

// mountinfo writes blank, tab, newline and backslash as three octal digits.
std::string unescape_mount(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octal = [&](std::size_t k) { return i + k < text.size() && text[i + k] >= '0' && text[i + k] <= '7'; };
    if (text[i] == '\\' && octal(1) && octal(2) && octal(3)) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// The hierarchy's name out of v1 super options: "rw,cpu,cpuacct" → "cpu,cpuacct"; "rw,xattr,name=systemd" →
// "name=systemd".
std::string v1_controllers(std::string_view super_options) {
  static constexpr std::array<std::string_view, 6> kNotControllers = {
      "rw", "ro", "xattr", "noprefix", "clone_children", "nsdelegate"};
  std::string out;
  for (const std::string_view option : split(super_options, ',')) {
    if (std::find(kNotControllers.begin(), kNotControllers.end(), option) != kNotControllers.end()) continue;
    if (option.starts_with("release_agent=")) continue;
    out.append(out.empty() ? "" : ",").append(option);
  }
  return out;
}

bool is_below(std::string_view path, std::string_view group) {
  return path.starts_with(group) && (path.size() == group.size() || path[group.size()] == '/');
}

std::string_view without_trailing_slash(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

std::vector<CgroupMembership> parse_cgroup(std::string_view text) {
  std::vector<CgroupMembership> out;
  for (const std::string_view line : split(text, '\n')) {  // hierarchy-id:controllers:path
    const std::size_t first = line.find(':');
    if (first == std::string_view::npos) continue;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos || second + 1 >= line.size() || line[second + 1] != '/') continue;
    out.push_back({std::string(line.substr(first + 1, second - first - 1)), std::string(line.substr(second + 1))});
    if (out.size() == kMaxHierarchies) break;
  }
  return out;
}

ContainerRef find_container(const std::vector<CgroupMembership>& memberships) {
  ContainerRef best;
  for (const CgroupMembership& membership : memberships) {
    const ContainerRef found = container_of_path(membership.path);
    if (found.id.empty() && found.pod_uid.empty()) continue;
    if (best.id.empty() || membership.controllers.empty()) best = found;
  }
  return best;
}

std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> out;
  for (const std::string_view line : split(mountinfo, '\n')) {
    // id parent major:minor root mount-point options [optional…] - type source super-options
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto left = split(line.substr(0, dash), ' ');
    const auto right = split(line.substr(dash + 3), ' ');
    if (left.size() < 6 || right.size() < 3 || (right[0] != "cgroup" && right[0] != "cgroup2")) continue;
    CgroupMount mount{{}, unescape_mount(left[4]), unescape_mount(left[3])};
    if (right[0] == "cgroup") mount.controllers = v1_controllers(right[2]);
    // A root above the reader's cgroup namespace ("/..") is named from that namespace's root, as memberships are.
    if (mount.root.starts_with("/..") || mount.root == "/") mount.root.clear();
    if (out.size() < kMaxHierarchies) out.push_back(std::move(mount));
  }
  return out;
}

Result<std::vector<CgroupMount>> read_cgroup_mounts(const std::string& proc_root) {
  const Result<BoundedText> text = read_bounded(proc_root + "/self/mountinfo", 4 << 20);
  if (!text) return std::unexpected(text.error());
  return parse_cgroup_mounts(text->text);
}

CgroupPath resolve_cgroup(std::string_view named, const std::vector<CgroupMount>& mounts) {
  const std::string_view path = without_trailing_slash(named);
  const CgroupMount* best = nullptr;
  for (const CgroupMount& mount : mounts) {
    if (!is_below(path, mount.mount_point)) continue;
    if (best == nullptr || mount.mount_point.size() > best->mount_point.size()) best = &mount;
  }
  if (best != nullptr) {
    return {false, best->controllers, best->root + std::string(path.substr(best->mount_point.size()))};
  }
  const bool unified = std::any_of(mounts.begin(), mounts.end(), [](const auto& m) { return m.controllers.empty(); });
  std::string inside(path);
  if (!inside.empty() && inside[0] != '/') inside.insert(0, "/");
  return {!unified, {}, std::move(inside)};
}

bool contains(const CgroupPath& group, const std::vector<CgroupMembership>& memberships) {
  return std::any_of(memberships.begin(), memberships.end(), [&](const CgroupMembership& membership) {
    return (group.any_hierarchy || membership.controllers == group.controllers) &&
           is_below(without_trailing_slash(membership.path), group.path);
  });
}

std::vector<std::string> directories_of(const CgroupPath& group, const std::vector<CgroupMount>& mounts) {
  std::vector<std::string> out;
  for (const CgroupMount& mount : mounts) {
    if (!group.any_hierarchy && mount.controllers != group.controllers) continue;
    if (!is_below(group.path, mount.root)) continue;
    out.push_back(mount.mount_point + group.path.substr(mount.root.size()));
  }
  return out;
}

}  // namespace telegen
