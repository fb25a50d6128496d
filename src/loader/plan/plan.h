// The probe table and the choice made from it. Pure: (capabilities, settings) → what to attach and why not the rest, so
// it is tested without rights and printed by `telegen doctor`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/capability/capabilities.h"
#include "loader/settings.h"

namespace telegen {

// One way to observe a hook.
struct Candidate {
  std::string_view name;
  std::span<const Capability> needs;
  std::span<const std::string_view> programs;         // of the family's BPF object
  std::string_view cost;                              // what it adds, in words; figures are in docs/performance.md
  bool sees_io_uring = false;                         // of transfers: also those that pass no system call
  std::span<const std::string_view> instead_of = {};  // programs of other hooks that would tell of the same again
};

// A thing worth observing, with the ways to do so in order of preference.
struct Hook {
  std::string_view key;  // "socket.receive"
  std::string_view purpose;
  std::span<const Candidate> candidates;
  std::string_view without;  // what users lose if no candidate can be used
  bool required;             // nothing can be traced without it
};

std::span<const Hook> probe_table();

struct PlannedHook {
  const Hook* hook = nullptr;
  const Candidate* chosen = nullptr;       // null: none can be used
  std::vector<std::string> rejected;       // "exit: no bpf_task_pt_regs for tracepoint programs"
  std::vector<std::string_view> programs;  // of `chosen`, without those that another hook's candidate is instead of
  // What `chosen` adds; nothing where none of its programs is loaded.
  std::string_view cost() const;
};

struct Plan {
  std::vector<PlannedHook> hooks;
  std::uint32_t connections = 0;     // how many are followed at once
  bool growing_tables = true;        // or their table is made in full at the start
  bool arguments_parked = false;     // a system call's arguments are handed from its entry to its exit
  int receive_parameters = 0;        // of the kernel's tcp_recvmsg
  std::vector<std::string> missing;  // required things that are not to be had: nothing can be loaded
  bool loads(std::string_view program) const;
};

// What of `force_probe` names no hook of the table, or no candidate of that hook: (hook, complaint).
std::vector<std::pair<std::string, std::string>> impossible_probes(const EbpfSettings& settings);

// `settings` are possible. A hook with a forced candidate has that one or none.
Plan make_plan(const Capabilities& capabilities, const EbpfSettings& settings);

// That transfers by io_uring, which pass no system call, are not seen by the chosen probes.
struct UnseenIoUring {
  std::string why;                                 // in words, with what can be done about it
  std::map<std::string, std::string> force_probe;  // the setting with which they are; empty: no probe here sees them
};
// Nothing: they are seen.
std::optional<UnseenIoUring> unseen_io_uring(const Plan& plan, const Capabilities& capabilities);

}  // namespace telegen
