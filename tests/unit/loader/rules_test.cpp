// discovery.instrument → what the kernel decides by.
#include "loader/plan/rules.h"

#include <gtest/gtest.h>

namespace telegen {
namespace {

std::optional<std::uint64_t> id_of(const CgroupPath& group) {
  if (group.path == "/there") return 4711;
  return std::nullopt;
}

Selector in_cgroup(std::string path) {
  Selector selector;
  selector.cgroup = CgroupPath{.path = std::move(path)};
  return selector;
}

TEST(Rules, NoEntryMeansEveryProcess) {
  const KernelRules rules = compile_rules({}, id_of);
  ASSERT_EQ(rules.rules.size(), 1U);
  EXPECT_EQ(rules.rules[0].conditions, 0U);
}

TEST(Rules, AMissingCgroupSelectsNothingAndSaysSo) {
  Selection selection;
  selection.instrument = {in_cgroup("/gone")};
  const KernelRules rules = compile_rules(selection, id_of);
  EXPECT_TRUE(rules.rules.empty()) << "never: no rule because the scope is gone, and so the whole host";
  ASSERT_EQ(rules.notes.size(), 1U);
  EXPECT_NE(rules.notes[0].find("/gone"), std::string::npos);
}

TEST(Rules, KeysOfAnEntryAreOneRule) {
  Selection selection;
  Selector selector = in_cgroup("/there");
  selector.exe_path = *Glob::compile("*/nginx");
  selector.open_ports = {{80, 80}, {8000, 8999}};
  selector.net_namespace = 4026531840;
  selection.instrument = {selector};
  const KernelRules rules = compile_rules(selection, id_of);
  ASSERT_EQ(rules.rules.size(), 1U);
  const tg_rule& rule = rules.rules[0];
  EXPECT_EQ(rule.conditions, std::uint32_t{TG_RULE_CGROUP | TG_RULE_EXE | TG_RULE_PORT | TG_RULE_NETNS});
  EXPECT_EQ(rule.cgroup, 4711U);
  EXPECT_EQ(rule.netns, 4026531840U);
  EXPECT_STREQ(rule.exe, "*/nginx");
  ASSERT_EQ(rule.port_ranges, 2U);
  EXPECT_EQ(rule.ports[1].first, 8000);
  EXPECT_EQ(rule.ports[1].last, 8999);
}

TEST(Rules, PidsAreARuleEach) {
  Selection selection;
  Selector selector;
  selector.pids = {10, 20};
  selection.instrument = {selector};
  const KernelRules rules = compile_rules(selection, id_of);
  ASSERT_EQ(rules.rules.size(), 2U);
  EXPECT_EQ(rules.rules[0].pid, 10U);
  EXPECT_EQ(rules.rules[1].pid, 20U);
  EXPECT_EQ(rules.rules[1].conditions, std::uint32_t{TG_RULE_PID});
}

TEST(Rules, WhatTheKernelCannotTellIsLeftToUserSpace) {
  Selection selection;
  Selector by_set, by_command, many_ports;
  by_set.exe_path = *Glob::compile("/opt/[ab]*");
  by_command.cmdline = *Glob::compile("*serve*");
  for (std::uint16_t port = 1; port <= TG_PORT_RANGES_MAX + 1; ++port) many_ports.open_ports.push_back({port, port});
  selection.instrument = {by_set, by_command, many_ports};
  const KernelRules rules = compile_rules(selection, id_of);
  ASSERT_EQ(rules.rules.size(), 3U);
  for (const tg_rule& rule : rules.rules) EXPECT_EQ(rule.conditions, std::uint32_t{TG_RULE_USER});
}

TEST(Rules, ExclusionsComeFirstAndMoreThanFitAreNoted) {
  Selection selection;
  Selector excluded;
  excluded.pids = {5};
  selection.exclude = {excluded};
  Selector many;
  for (std::uint32_t pid = 1; pid <= 100; ++pid) many.pids.push_back(pid);
  selection.instrument = {many};
  const KernelRules rules = compile_rules(selection, id_of);
  EXPECT_EQ(rules.rules.size(), std::size_t{TG_RULES_MAX});
  EXPECT_EQ(rules.rules[0].conditions, std::uint32_t{TG_RULE_PID | TG_RULE_EXCLUDE});
  ASSERT_EQ(rules.notes.size(), 1U);
}

}  // namespace
}  // namespace telegen
