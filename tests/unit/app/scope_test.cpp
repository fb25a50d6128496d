// What the loader lets its worker look at, told from pid and control groups alone.
#include "scope.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "discovery/proc_files.h"

namespace telegen::app {
namespace {

using Memberships = std::vector<CgroupMembership>;

const Memberships kShop = {{"", "/shop/web"}};
const Memberships kShopBesideV1 = {{"memory", "/elsewhere"}, {"", "/shop/web"}};
const Memberships kBank = {{"", "/bank"}};
const Memberships kShopping = {{"", "/shopping"}};
const Memberships kContainer = {{"", "/docker/" + std::string(64, 'a')}};
const Memberships kGone = {};

Selector in_cgroup(std::string path) {
  Selector selector;
  selector.cgroup = CgroupPath{.any_hierarchy = false, .controllers = "", .path = std::move(path)};
  return selector;
}

Selector with_pids(std::vector<std::uint32_t> pids) {
  Selector selector;
  selector.pids = std::move(pids);
  return selector;
}

Selector nginx() {
  Selector selector;
  selector.exe_path = *Glob::compile("*/nginx");
  return selector;
}

TEST(Scope, NoEntryIsEveryProcess) {
  EXPECT_TRUE(may_trace(Selection{}, 10, kShop));
  EXPECT_TRUE(may_trace(Selection{}, 10, kGone));
}

TEST(Scope, AnEntryByCgroupHoldsForItAndWhatIsBelow) {
  const Selection selection{.instrument = {in_cgroup("/shop")}};
  EXPECT_TRUE(may_trace(selection, 10, kShop));
  EXPECT_TRUE(may_trace(selection, 10, kShopBesideV1));
  EXPECT_FALSE(may_trace(selection, 10, kBank));
  EXPECT_FALSE(may_trace(selection, 10, kShopping)) << "a name that begins alike is another group";
  EXPECT_FALSE(may_trace(selection, 10, kGone)) << "not known to be in it";
}

TEST(Scope, AnEntryByPidsHoldsForThese) {
  const Selection selection{.instrument = {with_pids({10, 20})}};
  EXPECT_TRUE(may_trace(selection, 20, kGone));
  EXPECT_FALSE(may_trace(selection, 15, kShop));
}

TEST(Scope, EntriesAreOredAndTheirKeysAnded) {
  Selector both = in_cgroup("/shop");
  both.pids = {10};
  const Selection selection{.instrument = {both, in_cgroup("/bank")}};
  EXPECT_TRUE(may_trace(selection, 10, kShop));
  EXPECT_FALSE(may_trace(selection, 11, kShop));
  EXPECT_TRUE(may_trace(selection, 11, kBank));
}

TEST(Scope, WhatTheLoaderCannotTellDoesNotRefuse) {
  EXPECT_TRUE(may_trace(Selection{.instrument = {nginx()}}, 10, kShop));
  EXPECT_TRUE(may_trace(Selection{.instrument = {nginx()}}, 10, kGone));
  Selector nginx_in_shop = in_cgroup("/shop");
  nginx_in_shop.exe_path = nginx().exe_path;
  EXPECT_TRUE(may_trace(Selection{.instrument = {nginx_in_shop}}, 10, kShop));
  EXPECT_FALSE(may_trace(Selection{.instrument = {nginx_in_shop}}, 10, kBank)) << "its cgroup decides";
}

TEST(Scope, AnExclusionByCgroupRefuses) {
  const Selection selection{.exclude = {in_cgroup("/bank")}};
  EXPECT_FALSE(may_trace(selection, 10, kBank));
  EXPECT_TRUE(may_trace(selection, 10, kShop));
  EXPECT_FALSE(may_trace(selection, 10, kGone)) << "it may be one that is excluded";
}

TEST(Scope, AnExclusionByPidRefuses) {
  const Selection selection{.exclude = {with_pids({10})}};
  EXPECT_FALSE(may_trace(selection, 10, kShop));
  EXPECT_FALSE(may_trace(selection, 10, kGone));
  EXPECT_TRUE(may_trace(selection, 11, kGone)) << "no control group is asked for";
}

TEST(Scope, ExclusionWinsOverSelection) {
  const Selection selection{.instrument = {in_cgroup("/shop")}, .exclude = {in_cgroup("/shop/web")}};
  EXPECT_FALSE(may_trace(selection, 10, kShop));
  EXPECT_TRUE(may_trace(selection, 10, {{"", "/shop"}}));
}

TEST(Scope, AnExclusionThatAsksForMoreIsTheWorkersToDecide) {
  Selector nginx_in_shop = in_cgroup("/shop");
  nginx_in_shop.exe_path = nginx().exe_path;
  EXPECT_TRUE(may_trace(Selection{.exclude = {nginx_in_shop}}, 10, kShop));
  EXPECT_TRUE(may_trace(Selection{.exclude = {nginx()}}, 10, kShop));
}

TEST(Scope, ContainersOnlyRefusesWhatIsInNone) {
  Selector selector;
  selector.containers_only = true;
  EXPECT_TRUE(may_trace(Selection{.instrument = {selector}}, 10, kContainer));
  EXPECT_FALSE(may_trace(Selection{.instrument = {selector}}, 10, kShop));
  EXPECT_FALSE(may_trace(Selection{.instrument = {selector}}, 10, kGone));
}

TEST(Scope, OfThisHostReadsWhereAProcessIs) {
  const auto own = static_cast<std::uint32_t>(::getpid());
  const auto text = read_bounded(proc_path("/proc", own, "cgroup"), 64 * 1024);
  ASSERT_TRUE(text.has_value());
  const Memberships memberships = parse_cgroup(text->text);
  ASSERT_FALSE(memberships.empty());
  const CgroupPath here = resolve_cgroup(memberships.back().path, {{memberships.back().controllers, "/nowhere", "/"}});
  Selector of_here;
  of_here.cgroup = here;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_GT(child, 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const auto gone = static_cast<std::uint32_t>(child);
  const Scope selected{.selection = {.instrument = {of_here}}, .mounts = {}, .rules = {}};
  EXPECT_TRUE(may_trace(selected, own));
  EXPECT_FALSE(may_trace(selected, gone));
  const Scope excluded{.selection = {.exclude = {of_here}}, .mounts = {}, .rules = {}};
  EXPECT_FALSE(may_trace(excluded, own));
  EXPECT_FALSE(may_trace(excluded, gone));
}

}  // namespace
}  // namespace telegen::app
