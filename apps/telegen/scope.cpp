#include "scope.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>

#include "discovery/cgroup.h"
#include "discovery/proc_files.h"

namespace telegen::app {
namespace {

std::optional<std::uint64_t> cgroup_id(const CgroupPath& group, const std::vector<CgroupMount>& mounts) {
  for (const std::string& directory : directories_of(group, mounts)) {
    struct stat about{};
    struct statfs system{};
    if (::stat(directory.c_str(), &about) != 0 || ::statfs(directory.c_str(), &system) != 0) continue;
    if (system.f_type == CGROUP2_SUPER_MAGIC) return about.st_ino;
  }
  return std::nullopt;
}

bool asks_for_cgroups(const Selection& selection) {
  const auto asks = [](const Selector& selector) { return selector.cgroup || selector.containers_only; };
  return std::ranges::any_of(selection.instrument, asks) || std::ranges::any_of(selection.exclude, asks);
}

}  // namespace

Result<Scope> make_scope(const DiscoverySettings& settings) {
  auto mounts = read_cgroup_mounts("/proc");
  if (!mounts) return std::unexpected(mounts.error());
  auto selection = compile_selection(settings, *mounts, net_namespace_of_file);
  if (!selection) {
    std::string all;
    for (const SettingsError& error : selection.error())
      all += (all.empty() ? "" : "\n") + error.key + ": " + error.message;
    return fail(std::move(all), ErrorKind::kConfiguration);
  }
  Scope scope{.selection = std::move(*selection), .mounts = std::move(*mounts), .rules = {}};
  scope.rules = compile_rules(scope.selection, [&](const CgroupPath& group) { return cgroup_id(group, scope.mounts); });
  return scope;
}

bool may_trace(const Selection& selection, std::uint32_t pid, const std::vector<CgroupMembership>& memberships) {
  if (memberships.empty() && asks_for_cgroups(selection)) return false;
  ProcessInfo known;  // all else stays unknown, so an entry that asks for more neither excludes nor refuses
  known.pid = pid;
  known.cgroups = memberships;
  known.container = find_container(memberships);
  const auto answer = [&](Matched which) {
    return [&known, which](const Selector& selector) { return matches(selector, known) == which; };
  };
  if (std::ranges::any_of(selection.exclude, answer(Matched::kYes))) return false;
  return selection.instrument.empty() || !std::ranges::all_of(selection.instrument, answer(Matched::kNo));
}

bool may_trace(const Scope& scope, std::uint32_t pid) {
  if (scope.selection.instrument.empty() && scope.selection.exclude.empty()) return true;
  const auto text = read_bounded(proc_path("/proc", pid, "cgroup"), 64 * 1024);
  return may_trace(scope.selection, pid, text ? parse_cgroup(text->text) : std::vector<CgroupMembership>{});
}

}  // namespace telegen::app
