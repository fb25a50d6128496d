#include "loader/plan/plan.h"

#include <algorithm>
#include <iterator>

namespace telegen {

std::string_view PlannedHook::cost() const {
  if (chosen == nullptr) return {};
  return programs.empty() ? "nothing: what takes the transfers sees this as well" : chosen->cost;
}

bool Plan::loads(std::string_view program) const {
  return std::ranges::any_of(
      hooks, [&](const PlannedHook& planned) { return std::ranges::count(planned.programs, program) != 0; });
}

namespace {

std::string names_of(const Hook& hook) {
  std::string names;
  for (const Candidate& candidate : hook.candidates) names.append(names.empty() ? "" : ", ").append(candidate.name);
  return names;
}

// Programs find arguments parked or in the task's registers, all of them in the same place.
bool finds_arguments_at_exit(const Candidate& candidate) {
  return candidate.name == "exit" && std::ranges::count(candidate.needs, Capability::kTaskRegisters) != 0;
}

// Why it cannot be used; empty: it can.
std::string obstacle(const Candidate& candidate, const Capabilities& capabilities, bool parked) {
  const auto lacking = std::ranges::find_if(candidate.needs, [&](Capability c) { return !capabilities[c].available; });
  if (lacking != candidate.needs.end()) return capabilities[*lacking].detail;
  return parked && finds_arguments_at_exit(candidate) ? "another hook is forced to park arguments, so all do" : "";
}

PlannedHook choose(const Hook& hook, const Capabilities& capabilities, const EbpfSettings& settings, bool parked) {
  PlannedHook planned{.hook = &hook};
  const auto forced = settings.force_probe.find(std::string(hook.key));
  for (const Candidate& candidate : hook.candidates) {
    if (forced != settings.force_probe.end() && forced->second != candidate.name) continue;
    const std::string why = obstacle(candidate, capabilities, parked);
    if (why.empty()) {
      planned.chosen = &candidate;
      return planned;
    }
    planned.rejected.push_back(std::string(candidate.name) + ": " + why);
  }
  return planned;
}

bool is_replaced(std::string_view program, const std::vector<PlannedHook>& hooks) {
  return std::ranges::any_of(hooks, [&](const PlannedHook& other) {
    return other.chosen != nullptr && std::ranges::count(other.chosen->instead_of, program) != 0;
  });
}

// Every hook with its candidate, and what is loaded of it.
std::vector<PlannedHook> choose_all(const Capabilities& capabilities, const EbpfSettings& settings, bool parked) {
  std::vector<PlannedHook> hooks;
  for (const Hook& hook : probe_table()) hooks.push_back(choose(hook, capabilities, settings, parked));
  for (PlannedHook& planned : hooks) {
    if (planned.chosen == nullptr) continue;
    std::ranges::copy_if(planned.chosen->programs, std::back_inserter(planned.programs),
                         [&](std::string_view program) { return !is_replaced(program, hooks); });
  }
  return hooks;
}

bool any_parks(const std::vector<PlannedHook>& hooks) {
  return std::ranges::any_of(hooks, [](const PlannedHook& planned) {
    return planned.chosen != nullptr && planned.chosen->name == "enter+exit" && !planned.programs.empty();
  });
}

bool can_be_had(const Candidate& candidate, const Capabilities& capabilities) {
  return std::ranges::all_of(candidate.needs, [&](Capability c) { return capabilities[c].available; });
}

// The hooks that bytes come from.
bool is_of_transfers(const Hook& hook) { return hook.key == "socket.receive" || hook.key == "socket.send"; }

}  // namespace

std::optional<UnseenIoUring> unseen_io_uring(const Plan& plan, const Capabilities& capabilities) {
  std::string blind, setting;
  UnseenIoUring unseen;
  bool can_be_seen = true;
  for (const PlannedHook& planned : plan.hooks) {
    if (!is_of_transfers(*planned.hook) || (planned.chosen != nullptr && planned.chosen->sees_io_uring)) continue;
    const std::string key(planned.hook->key);
    const std::string_view chosen = planned.chosen != nullptr ? planned.chosen->name : "none";
    blind.append(blind.empty() ? "" : " and ").append(key).append(" (").append(chosen).append(")");
    const auto better = std::ranges::find_if(planned.hook->candidates, [&](const Candidate& candidate) {
      return candidate.sees_io_uring && can_be_had(candidate, capabilities);
    });
    can_be_seen = can_be_seen && better != planned.hook->candidates.end();
    if (!can_be_seen) continue;
    unseen.force_probe.emplace(key, better->name);
    setting.append(setting.empty() ? "" : ", ").append(key).append(": ").append(better->name);
  }
  if (blind.empty()) return std::nullopt;
  if (!can_be_seen) unseen.force_probe.clear();
  unseen.why = "not seen by " + blind +
               (can_be_seen ? "; it is with agent.ebpf.force_probe: {" + setting + "}"
                            : "; no probe that this kernel permits sees it");
  return unseen;
}

std::vector<std::pair<std::string, std::string>> impossible_probes(const EbpfSettings& settings) {
  std::vector<std::pair<std::string, std::string>> complaints;
  for (const auto& [key, name] : settings.force_probe) {
    const auto hook = std::ranges::find(probe_table(), key, &Hook::key);
    if (hook == probe_table().end()) {
      complaints.emplace_back(key, "there is no such hook; `telegen doctor` lists them");
    } else if (std::ranges::find(hook->candidates, name, &Candidate::name) == hook->candidates.end()) {
      complaints.emplace_back(key, "'" + name + "' is no candidate; write " + names_of(*hook));
    }
  }
  return complaints;
}

Plan make_plan(const Capabilities& capabilities, const EbpfSettings& settings) {
  Plan plan{.receive_parameters = capabilities.receive_parameters};
  if (!settings.enabled) return plan;
  for (const Capability base : {Capability::kBtf, Capability::kRingBuffer, Capability::kKernelReads}) {
    if (!capabilities[base].available) plan.missing.push_back(capabilities[base].detail);
  }
  plan.growing_tables = capabilities[Capability::kGrowingTables].available;
  plan.connections = static_cast<std::uint32_t>(settings.connections);
  if (!plan.growing_tables) plan.connections = std::min(plan.connections, kConnectionsInAdvance);
  plan.arguments_parked = !capabilities[Capability::kTaskRegisters].available;
  plan.hooks = choose_all(capabilities, settings, plan.arguments_parked);
  if (!plan.arguments_parked && any_parks(plan.hooks)) {
    plan.arguments_parked = true;
    plan.hooks = choose_all(capabilities, settings, true);
  }
  for (const PlannedHook& planned : plan.hooks) {
    if (planned.chosen != nullptr || !planned.hook->required) continue;
    for (const std::string& why : planned.rejected) plan.missing.push_back(std::string(planned.hook->key) + ": " + why);
  }
  return plan;
}

}  // namespace telegen
