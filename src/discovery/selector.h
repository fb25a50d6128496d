// Which processes are instrumented: the rules of the configuration, compiled, and what they say of a process. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "discovery/cgroup.h"
#include "discovery/glob.h"
#include "discovery/process_info.h"
#include "discovery/settings.h"

namespace telegen {

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  bool operator==(const PortRange&) const = default;
};
Result<std::vector<PortRange>> parse_ports(std::string_view text);

// An entry. A key that is not asked for is empty; all that are asked for must hold.
struct Selector {
  std::vector<PortRange> open_ports;
  std::optional<Glob> exe_path;
  std::optional<Glob> cmdline;
  std::vector<std::uint32_t> pids;  // sorted
  std::optional<CgroupPath> cgroup;
  std::uint64_t net_namespace = 0;
  std::vector<Language> languages;
  bool containers_only = false;
  std::string service_name;
  bool names_scope() const { return cgroup.has_value() || !pids.empty(); }
};

enum class Matched : std::uint8_t { kNo, kYes, kUnknown };  // kUnknown: something that it asks for is not known yet
Matched matches(const Selector& selector, const ProcessInfo& process);

enum class ExcludedBy : std::uint8_t { kNothing, kAgentItself, kKnownAgent, kOtelInstrumented, kRule, kNotSelected };
std::string_view to_text(ExcludedBy cause);

struct Decision {
  Matched selected = Matched::kUnknown;
  ExcludedBy excluded_by = ExcludedBy::kNothing;  // set where selected is kNo
  std::string service_name;                       // of the first entry that matches; empty: none given
};

struct Selection {
  std::vector<Selector> instrument;
  std::vector<Selector> exclude;
  bool default_exclude = true;
  bool exclude_otel_instrumented = true;
  std::vector<std::uint32_t> own_pids;  // the agent's loader and worker
  bool asks_for_ports() const;
};

// Kernel threads are never selected. Exclusion wins over selection.
Decision decide(const Selection& selection, const ProcessInfo& process);
bool is_known_agent(std::string_view exe_path);

struct SettingsError {
  std::string key;  // "discovery.instrument[1].open_ports"
  std::string message;
};
// Inode number of the network namespace that a file such as /run/netns/blue is; an argument so that compiling is pure.
using NetNamespaceOf = std::function<Result<std::uint64_t>(const std::string& path)>;
Result<std::uint64_t> net_namespace_of_file(const std::string& path);

// All that is wrong, or the rules.
std::expected<Selection, std::vector<SettingsError>> compile_selection(const DiscoverySettings& settings,
                                                                       const std::vector<CgroupMount>& mounts,
                                                                       const NetNamespaceOf& net_namespace_of);

}  // namespace telegen
