// The plan follows from capabilities alone: every candidate of every row is chosen by some set of them.
#include "loader/plan/plan.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace telegen {
namespace {

Capabilities everything() {
  Capabilities all;
  for (Finding& finding : all.findings) finding.available = true;
  all.receive_parameters = 5;
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
  EXPECT_EQ(plan.receive_parameters, 5);
  ASSERT_EQ(plan.hooks.size(), probe_table().size());
  for (const PlannedHook& planned : plan.hooks) EXPECT_EQ(planned.chosen, &planned.hook->candidates.front());
  EXPECT_TRUE(plan.loads("socket_received"));
  EXPECT_FALSE(plan.loads("exit_read"));
  EXPECT_FALSE(plan.loads("enter_read"));
}

TEST(Plan, WithoutTheSocketsTracepointTheSystemCallsAreTaken) {
  const Plan plan = make_plan(without({Capability::kSocketLength, Capability::kSocketFunctions}), {});
  EXPECT_TRUE(plan.missing.empty());
  EXPECT_EQ(hook(plan, "socket.send").chosen->name, "exit");
  const std::vector<std::string> why = {"socket: no socket_length", "fexit: no socket_functions"};
  EXPECT_EQ(hook(plan, "socket.send").rejected, why);
  EXPECT_TRUE(plan.loads("exit_write"));
  EXPECT_FALSE(plan.loads("socket_sent"));
  EXPECT_FALSE(plan.loads("enter_write"));
}

TEST(Plan, WhereTablesCannotGrowFewerConnectionsAreFollowed) {
  EbpfSettings settings;
  EXPECT_TRUE(make_plan(everything(), settings).growing_tables);
  EXPECT_EQ(make_plan(everything(), settings).connections, settings.connections);
  const Plan limited = make_plan(without({Capability::kGrowingTables}), settings);
  EXPECT_FALSE(limited.growing_tables);
  EXPECT_EQ(limited.connections, kConnectionsInAdvance);
  settings.connections = 1000;
  EXPECT_EQ(make_plan(without({Capability::kGrowingTables}), settings).connections, 1000U);
}

TEST(Plan, WithoutTaskRegistersArgumentsAreParkedAtEntry) {
  const Plan plan = make_plan(without({Capability::kTaskRegisters, Capability::kSocketFunctions}), {});
  EXPECT_TRUE(plan.missing.empty());
  EXPECT_TRUE(plan.arguments_parked);
  EXPECT_EQ(hook(plan, "socket.receive").chosen->name, "enter+exit");
  EXPECT_TRUE(plan.loads("enter_read"));
  EXPECT_TRUE(plan.loads("exit_read"));
  EXPECT_TRUE(plan.loads("enter_recvmmsg"));
  const std::vector<std::string> why = {"socket: no task_registers", "fexit: no socket_functions",
                                        "exit: no task_registers"};
  EXPECT_EQ(hook(plan, "socket.receive").rejected, why);
}

TEST(Plan, TheFunctionsBehindTheSocketsNeedNoRegistersButOtherHooksPark) {
  Capabilities old = without({Capability::kTaskRegisters});
  old.receive_parameters = 6;
  const Plan plan = make_plan(old, {});
  EXPECT_TRUE(plan.missing.empty());
  EXPECT_EQ(plan.receive_parameters, 6);
  EXPECT_EQ(hook(plan, "socket.receive").chosen->name, "fexit");
  EXPECT_EQ(hook(plan, "socket.send").chosen->name, "fexit");
  EXPECT_EQ(hook(plan, "socket.connect").chosen->name, "enter+exit");
  EXPECT_TRUE(plan.arguments_parked);
  EXPECT_TRUE(plan.loads("enter_connect"));
  EXPECT_TRUE(plan.loads("enter_sendfile64"));
}

// Each message of recvmmsg and sendmmsg passes the same functions as those of any other call: it would be told of
// twice.
TEST(Plan, WhatSeesEveryMessageIsInsteadOfTheProgramsForCallsOfMany) {
  for (const char* candidate : {"fexit", "kprobe"}) {
    const Plan both =
        make_plan(everything(), {.force_probe = {{"socket.receive", candidate}, {"socket.send", candidate}}});
    EXPECT_TRUE(hook(both, "socket.messages").programs.empty()) << candidate;
    EXPECT_TRUE(hook(both, "socket.messages").cost().starts_with("nothing")) << candidate;
    EXPECT_EQ(hook(both, "socket.file").cost(), hook(both, "socket.file").chosen->cost) << candidate;
    EXPECT_FALSE(both.loads("exit_recvmmsg")) << candidate;
    EXPECT_FALSE(both.loads("exit_sendmmsg")) << candidate;
    EXPECT_TRUE(both.loads("exit_sendfile64")) << candidate;
    const Plan one = make_plan(everything(), {.force_probe = {{"socket.send", candidate}}});
    EXPECT_EQ(hook(one, "socket.messages").programs, std::vector<std::string_view>{"exit_recvmmsg"}) << candidate;
    EXPECT_TRUE(one.loads("exit_recvmmsg")) << candidate;
    EXPECT_FALSE(one.loads("exit_sendmmsg")) << candidate;
  }
  EXPECT_TRUE(make_plan(everything(), {}).loads("exit_recvmmsg"));
}

TEST(Plan, WhereNothingElseIsToBeHadKprobesAreTaken) {
  const Plan plan = make_plan(without({Capability::kTracepoint, Capability::kSocketLength, Capability::kSocketFunctions,
                                       Capability::kTaskRegisters}),
                              {});
  EXPECT_TRUE(plan.missing.empty());
  EXPECT_EQ(hook(plan, "socket.receive").chosen->name, "kprobe");
  EXPECT_EQ(hook(plan, "socket.send").chosen->name, "kprobe");
  EXPECT_TRUE(plan.loads("tcp_copied"));
  EXPECT_TRUE(plan.loads("unix_sends"));
  EXPECT_EQ(hook(plan, "socket.messages").chosen, nullptr);
}

TEST(Plan, WithoutTracepointsNothingCanBeLoadedAndThePlanSaysWhy) {
  const Plan plan = make_plan(without({Capability::kTracepoint, Capability::kSocketLength, Capability::kSocketFunctions,
                                       Capability::kSocketKprobes}),
                              {});
  ASSERT_FALSE(plan.missing.empty());
  ASSERT_GE(plan.missing.size(), 3U);
  EXPECT_EQ(plan.missing[0], "socket.receive: socket: no socket_length");
  EXPECT_EQ(plan.missing[1], "socket.receive: fexit: no socket_functions");
  EXPECT_EQ(plan.missing[2], "socket.receive: exit: no tracepoint");
}

TEST(Plan, WithoutBtfTheReasonIsThat) {
  const Plan plan = make_plan(without({Capability::kBtf}), {});
  ASSERT_FALSE(plan.missing.empty());
  EXPECT_EQ(plan.missing.front(), "no btf");
}

TEST(Plan, WhereKernelMemoryMayNotBeReadNothingCanBeTraced) {
  const Plan plan = make_plan(without({Capability::kKernelReads}), {});
  ASSERT_EQ(plan.missing.size(), 1U);
  EXPECT_EQ(plan.missing.front(), "no kernel_reads");
}

TEST(Plan, AForcedCandidateIsTakenThoughABetterOneIsThere) {
  const Plan plan = make_plan(everything(), {.force_probe = {{"socket.send", "enter+exit"}}});
  EXPECT_EQ(hook(plan, "socket.send").chosen->name, "enter+exit");
  EXPECT_EQ(hook(plan, "socket.receive").chosen->name, "socket");
  EXPECT_TRUE(plan.arguments_parked);
  EXPECT_TRUE(plan.loads("enter_write"));
  EXPECT_FALSE(plan.loads("socket_sent"));
}

TEST(Plan, WhereOneHookParksArgumentsAllDo) {
  const Plan plan = make_plan(everything(), {.force_probe = {{"socket.send", "enter+exit"}}});
  for (const char* key : {"socket.messages", "socket.file", "socket.connect"})
    EXPECT_EQ(hook(plan, key).chosen->name, "enter+exit") << key;
  EXPECT_EQ(hook(plan, "socket.accept").chosen->name, "exit");  // it has no use for them
  const Plan torn =
      make_plan(everything(), {.force_probe = {{"socket.send", "enter+exit"}, {"socket.receive", "exit"}}});
  ASSERT_EQ(torn.missing.size(), 1U);
  EXPECT_EQ(torn.missing[0], "socket.receive: exit: another hook is forced to park arguments, so all do");
}

TEST(Plan, ProgramsThatAreNotLoadedParkNothing) {
  const Plan plan = make_plan(
      everything(),
      {.force_probe = {{"socket.receive", "fexit"}, {"socket.send", "fexit"}, {"socket.messages", "enter+exit"}}});
  EXPECT_FALSE(plan.arguments_parked);
  EXPECT_EQ(hook(plan, "socket.connect").chosen->name, "exit");
}

TEST(Plan, AForcedCandidateThatCannotBeHadIsNotReplaced) {
  const Plan plan = make_plan(without({Capability::kSocketLength}), {.force_probe = {{"socket.send", "socket"}}});
  EXPECT_EQ(hook(plan, "socket.send").chosen, nullptr);
  ASSERT_EQ(plan.missing.size(), 1U);
  EXPECT_EQ(plan.missing[0], "socket.send: socket: no socket_length");
}

TEST(Plan, WhatNoProbeIsCalledIsRefused) {
  using Complaints = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(impossible_probes({.force_probe = {{"socket.send", "exit"}}}), Complaints{});
  const Complaints complaints = {{"socket.sent", "there is no such hook; `telegen doctor` lists them"},
                                 {"socket.state", "'exit' is no candidate; write tp_btf"}};
  EXPECT_EQ(impossible_probes({.force_probe = {{"socket.sent", "exit"}, {"socket.state", "exit"}}}), complaints);
}

// Hooks of transfers whose second candidate sees io_uring and needs kprobes.
struct Transfers {
  static constexpr Capability kNeeds[] = {Capability::kKprobe};
  static constexpr Candidate kCandidates[] = {
      {.name = "plain", .needs = {}, .programs = {}, .cost = ""},
      {.name = "seeing", .needs = kNeeds, .programs = {}, .cost = "", .sees_io_uring = true}};
  Hook receive{"socket.receive", "", kCandidates, "", true};
  Hook send{"socket.send", "", kCandidates, "", true};
  Plan choosing(std::size_t receiver, std::size_t sender) const {
    Plan plan;
    plan.hooks = {{.hook = &receive, .chosen = &kCandidates[receiver], .rejected = {}},
                  {.hook = &send, .chosen = &kCandidates[sender], .rejected = {}}};
    return plan;
  }
};

TEST(Plan, IoUringIsSeenWhereBothTransferProbesSeeIt) {
  EXPECT_FALSE(unseen_io_uring(Transfers{}.choosing(1, 1), everything()).has_value());
}

TEST(Plan, WhereIoUringIsUnseenTheSettingThatHelpsIsNamed) {
  const Transfers t;
  auto unseen = unseen_io_uring(t.choosing(0, 0), everything());
  ASSERT_TRUE(unseen.has_value());
  EXPECT_EQ(unseen->why,
            "not seen by socket.receive (plain) and socket.send (plain); it is with agent.ebpf.force_probe: "
            "{socket.receive: seeing, socket.send: seeing}");
  using Setting = std::map<std::string, std::string>;
  EXPECT_EQ(unseen->force_probe, (Setting{{"socket.receive", "seeing"}, {"socket.send", "seeing"}}));
  unseen = unseen_io_uring(t.choosing(1, 0), everything());
  ASSERT_TRUE(unseen.has_value());
  EXPECT_EQ(unseen->why, "not seen by socket.send (plain); it is with agent.ebpf.force_probe: {socket.send: seeing}");
  EXPECT_EQ(unseen->force_probe, (Setting{{"socket.send", "seeing"}}));
  unseen = unseen_io_uring(t.choosing(0, 0), without({Capability::kKprobe}));
  ASSERT_TRUE(unseen.has_value());
  EXPECT_EQ(unseen->why,
            "not seen by socket.receive (plain) and socket.send (plain); no probe that this kernel permits "
            "sees it");
  EXPECT_TRUE(unseen->force_probe.empty());
}

TEST(Plan, ProbesThatReadTheArgumentsOfSystemCallsDoNotSeeIoUring) {
  const auto forced = [](const char* name) {
    return make_plan(everything(), {.force_probe = {{"socket.receive", name}, {"socket.send", name}}});
  };
  for (const char* name : {"fexit", "kprobe"}) EXPECT_FALSE(unseen_io_uring(forced(name), everything())) << name;
  for (const char* name : {"socket", "exit", "enter+exit"}) {
    const Plan plan = forced(name);
    const auto unseen = unseen_io_uring(plan, everything());
    ASSERT_TRUE(unseen.has_value()) << name;
    EXPECT_TRUE(unseen->why.starts_with("not seen by socket.receive (" + std::string(name) + ") and socket.send ("))
        << unseen->why;
  }
}

TEST(Plan, SwitchedOffLoadsNothing) {
  const Plan plan = make_plan(everything(), {.enabled = false});
  EXPECT_TRUE(plan.hooks.empty());
  EXPECT_FALSE(plan.loads("exit_read"));
}

TEST(Plan, EveryCandidateIsReachableAndEveryRowExplained) {
  std::set<const Candidate*> chosen;
  for (const Capabilities& c :
       {everything(), without({Capability::kSocketLength}),
        without({Capability::kSocketLength, Capability::kSocketFunctions}),
        without({Capability::kTaskRegisters, Capability::kSocketFunctions}),
        without({Capability::kTaskRegisters, Capability::kSocketFunctions, Capability::kTracepoint})}) {
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
