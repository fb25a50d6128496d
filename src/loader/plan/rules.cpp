#include "loader/plan/rules.h"

#include <algorithm>
#include <cstring>

namespace telegen {
namespace {

// The kernel's matcher knows `*` and `?`; a set of bytes or an escape is left to user space.
bool kernel_can_match(const std::string& pattern) {
  return pattern.size() < TG_GLOB_MAX && pattern.find_first_of("[\\") == std::string::npos;
}

void add_ports(const Selector& selector, tg_rule& rule) {
  if (selector.open_ports.empty()) return;
  if (selector.open_ports.size() > TG_PORT_RANGES_MAX) {
    rule.conditions |= TG_RULE_USER;
    return;
  }
  rule.conditions |= TG_RULE_PORT;
  rule.port_ranges = static_cast<std::uint32_t>(selector.open_ports.size());
  for (std::size_t i = 0; i < selector.open_ports.size(); ++i) {
    rule.ports[i] = {selector.open_ports[i].first, selector.open_ports[i].last};
  }
}

void add_exe(const Selector& selector, tg_rule& rule) {
  if (!selector.exe_path) return;
  if (!kernel_can_match(selector.exe_path->pattern())) {
    rule.conditions |= TG_RULE_USER;
    return;
  }
  rule.conditions |= TG_RULE_EXE;
  std::memcpy(rule.exe, selector.exe_path->pattern().c_str(), selector.exe_path->pattern().size() + 1);
}

// False: the entry names a cgroup that is not there, so that nothing can match it.
bool add_cgroup(const Selector& selector, const CgroupIdOf& cgroup_id, tg_rule& rule, std::vector<std::string>& notes) {
  if (!selector.cgroup) return true;
  const auto id = cgroup_id(*selector.cgroup);
  if (!id) {
    notes.push_back("cgroup " + selector.cgroup->path +
                    " is no cgroup v2 directory that exists: nothing below it is traced");
    return false;
  }
  rule.conditions |= TG_RULE_CGROUP;
  rule.cgroup = *id;
  return true;
}

// One entry becomes one rule, or one for each pid that it names.
void add_entry(const Selector& selector, std::uint32_t kind, const CgroupIdOf& cgroup_id, KernelRules& out) {
  tg_rule rule{};
  rule.conditions = kind;
  if (!add_cgroup(selector, cgroup_id, rule, out.notes)) return;
  if (selector.net_namespace != 0) {
    rule.conditions |= TG_RULE_NETNS;
    rule.netns = static_cast<std::uint32_t>(selector.net_namespace);
  }
  add_exe(selector, rule);
  add_ports(selector, rule);
  if (selector.cmdline || !selector.languages.empty() || selector.containers_only) rule.conditions |= TG_RULE_USER;
  if (selector.pids.empty()) {
    out.rules.push_back(rule);
    return;
  }
  for (const std::uint32_t pid : selector.pids) {
    rule.conditions |= TG_RULE_PID;
    rule.pid = pid;
    out.rules.push_back(rule);
  }
}

}  // namespace

KernelRules compile_rules(const Selection& selection, const CgroupIdOf& cgroup_id) {
  KernelRules out;
  for (const Selector& selector : selection.exclude) add_entry(selector, TG_RULE_EXCLUDE, cgroup_id, out);
  if (selection.instrument.empty()) {
    out.rules.push_back({});  // no condition: every process
  }
  for (const Selector& selector : selection.instrument) add_entry(selector, 0, cgroup_id, out);
  if (out.rules.size() > TG_RULES_MAX) {
    out.notes.push_back("the kernel side holds " + std::to_string(TG_RULES_MAX) + " rules; " +
                        std::to_string(out.rules.size() - TG_RULES_MAX) + " of discovery.instrument are left out");
    out.rules.resize(TG_RULES_MAX);
  }
  return out;
}

}  // namespace telegen
