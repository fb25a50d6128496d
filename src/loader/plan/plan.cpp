#include "loader/plan/plan.h"

#include <algorithm>

namespace telegen {

bool Plan::loads(std::string_view program) const {
  return std::any_of(hooks.begin(), hooks.end(), [&](const PlannedHook& planned) {
    return planned.chosen != nullptr && std::ranges::count(planned.chosen->programs, program) != 0;
  });
}

namespace {

std::string names_of(const Hook& hook) {
  std::string names;
  for (const Candidate& candidate : hook.candidates) names.append(names.empty() ? "" : ", ").append(candidate.name);
  return names;
}

PlannedHook choose(const Hook& hook, const Capabilities& capabilities, const EbpfSettings& settings) {
  PlannedHook planned{.hook = &hook};
  const auto forced = settings.force_probe.find(std::string(hook.key));
  for (const Candidate& candidate : hook.candidates) {
    if (forced != settings.force_probe.end() && forced->second != candidate.name) continue;
    const auto lacking =
        std::ranges::find_if(candidate.needs, [&](Capability c) { return !capabilities[c].available; });
    if (lacking == candidate.needs.end()) {
      planned.chosen = &candidate;
      return planned;
    }
    planned.rejected.push_back(std::string(candidate.name) + ": " + capabilities[*lacking].detail);
  }
  return planned;
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
  Plan plan;
  if (!settings.enabled) return plan;
  for (const Capability base : {Capability::kBtf, Capability::kRingBuffer, Capability::kKernelReads}) {
    if (!capabilities[base].available) plan.missing.push_back(capabilities[base].detail);
  }
  for (const Hook& hook : probe_table()) {
    PlannedHook planned = choose(hook, capabilities, settings);
    if (planned.chosen == nullptr && hook.required) {
      for (const std::string& why : planned.rejected) plan.missing.push_back(std::string(hook.key) + ": " + why);
    }
    if (planned.chosen != nullptr && planned.chosen->name == "enter+exit") plan.arguments_parked = true;
    plan.hooks.push_back(std::move(planned));
  }
  return plan;
}

}  // namespace telegen
