#include "loader/plan/plan.h"

#include <algorithm>

namespace telegen {

bool Plan::loads(std::string_view program) const {
  return std::any_of(hooks.begin(), hooks.end(), [&](const PlannedHook& planned) {
    return planned.chosen != nullptr && std::ranges::count(planned.chosen->programs, program) != 0;
  });
}

namespace {

PlannedHook choose(const Hook& hook, const Capabilities& capabilities) {
  PlannedHook planned{.hook = &hook};
  for (const Candidate& candidate : hook.candidates) {
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

Plan make_plan(const Capabilities& capabilities, const EbpfSettings& settings) {
  Plan plan;
  if (!settings.enabled) return plan;
  for (const Capability base : {Capability::kBtf, Capability::kRingBuffer}) {
    if (!capabilities[base].available) plan.missing.push_back(capabilities[base].detail);
  }
  for (const Hook& hook : probe_table()) {
    PlannedHook planned = choose(hook, capabilities);
    if (planned.chosen == nullptr && hook.required) {
      for (const std::string& why : planned.rejected) plan.missing.push_back(std::string(hook.key) + ": " + why);
    }
    if (planned.chosen != nullptr && planned.chosen->name == "enter+exit") plan.arguments_parked = true;
    plan.hooks.push_back(std::move(planned));
  }
  return plan;
}

}  // namespace telegen
