// The plan follows from capabilities alone: every candidate of every row is chosen by some set of them.
#include "loader/plan/plan.h"

#include <gtest/gtest.h>

#include <set>

namespace telegen {
namespace {

Capabilities everything() {
  Capabilities all;
  for (Finding& finding : all.findings) finding.available = true;
  return all;
}

Capabilities without(std::initializer_list<Capability> lacking) {
  Capabilities some = everything();
  for (const Capability c : lacking) some[c] = {false, "no " + std::string(name_of(c))};
  return some;
}

const PlannedHook& hook(const Plan& plan, std::string_view key) {
  for (const PlannedHook& planned : plan.hooks) {
    if (planned.hook->key == key) return planned;
  }
  throw std::runtime_error("no such hook");
}

TEST(Plan, WithEverythingTheFirstCandidatesAreChosen) {
  const Plan plan = make_plan(everything(), {});
  EXPECT_TRUE(plan.missing.empty());
  EXPECT_FALSE(plan.arguments_parked);
  ASSERT_EQ(plan.hooks.size(), probe_table().size());
  for (const PlannedHook& planned : plan.hooks) EXPECT_EQ(planned.chosen, &planned.hook->candidates.front());
  EXPECT_TRUE(plan.loads("exit_read"));
  EXPECT_FALSE(plan.loads("enter_read"));
}

TEST(Plan, WithoutTaskRegistersArgumentsAreParkedAtEntry) {
  const Plan plan = make_plan(without({Capability::kTaskRegisters}), {});
  EXPECT_TRUE(plan.missing.empty());
  EXPECT_TRUE(plan.arguments_parked);
  EXPECT_EQ(hook(plan, "socket.receive").chosen->name, "enter+exit");
  EXPECT_TRUE(plan.loads("enter_read"));
  EXPECT_TRUE(plan.loads("exit_read"));
  ASSERT_EQ(hook(plan, "socket.receive").rejected.size(), 1U);
  EXPECT_EQ(hook(plan, "socket.receive").rejected[0], "exit: no task_registers");
}

TEST(Plan, WithoutTracepointsNothingCanBeLoadedAndThePlanSaysWhy) {
  const Plan plan = make_plan(without({Capability::kTracepoint}), {});
  ASSERT_FALSE(plan.missing.empty());
  EXPECT_NE(plan.missing.front().find("socket.receive"), std::string::npos);
  EXPECT_NE(plan.missing.front().find("no tracepoint"), std::string::npos);
}

TEST(Plan, WithoutBtfTheReasonIsThat) {
  const Plan plan = make_plan(without({Capability::kBtf}), {});
  ASSERT_FALSE(plan.missing.empty());
  EXPECT_EQ(plan.missing.front(), "no btf");
}

TEST(Plan, SwitchedOffLoadsNothing) {
  const Plan plan = make_plan(everything(), {.enabled = false});
  EXPECT_TRUE(plan.hooks.empty());
  EXPECT_FALSE(plan.loads("exit_read"));
}

TEST(Plan, EveryCandidateIsReachableAndEveryRowExplained) {
  std::set<const Candidate*> chosen;
  for (const Capabilities& c : {everything(), without({Capability::kTaskRegisters})}) {
    for (const PlannedHook& planned : make_plan(c, {}).hooks) chosen.insert(planned.chosen);
  }
  std::set<std::string_view> keys;
  for (const Hook& row : probe_table()) {
    EXPECT_TRUE(keys.insert(row.key).second) << row.key << " stands twice";
    EXPECT_FALSE(row.purpose.empty());
    EXPECT_FALSE(row.without.empty());
    for (const Candidate& candidate : row.candidates) {
      EXPECT_TRUE(chosen.contains(&candidate)) << row.key << ": " << candidate.name;
      EXPECT_FALSE(candidate.programs.empty());
    }
  }
}

}  // namespace
}  // namespace telegen
