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

}  // namespace

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
  plan.growing_tables = capabilities[Capability::kGrowingTables].available;
  plan.connections = static_cast<std::uint32_t>(settings.connections);
  if (!plan.growing_tables) plan.connections = std::min(plan.connections, kConnectionsInAdvance);
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
