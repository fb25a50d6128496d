// What is left of processes that have ended, for how long, and what it takes.
#include <gmock/gmock.h>

#include "catalog_fixture.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;
const Duration kKeep = CatalogOptions{}.keep_exited;
constexpr Duration kRound = ProcessCatalog::kForgetEvery;

struct Forgetting : ::testing::Test {
  void tick(Time now) {
    f.catalog->tick(now);
    ASSERT_TRUE(f.catalog->drain(5s));
  }
  Fixture f;
};

TEST_F(Forgetting, NotBeforeItsTime) {
  f.catalog->learn(1042);
  f.catalog->on_exit(1042, {1'000});
  f.catalog->on_exit(77, {1'000});  // never known
  tick(Time{999} + kKeep);
  EXPECT_EQ(service(f.catalog->find(1042)), "nginx");
  tick(Time{999} + kKeep + kRound);
  EXPECT_EQ(f.catalog->find(1042), nullptr);
  EXPECT_EQ(f.metric("telegen_discovery_processes"), 0);
  EXPECT_EQ(f.metric("telegen_discovery_evicted_total"), 0) << "it was its time";
}

TEST_F(Forgetting, AnExitThatWasHeardOfLateIsStillKept) {
  f.catalog->learn(1042);
  tick(Time{} + 1h);
  f.catalog->on_exit(1042, {1'000});  // the ring was an hour behind: so are the spans
  tick(Time{} + 1h + kRound);
  EXPECT_EQ(service(f.catalog->find(1042)), "nginx");
  tick(Time{} + 1h + kKeep + kRound);
  EXPECT_EQ(f.catalog->find(1042), nullptr);
}

TEST_F(Forgetting, AnExitedProcessIsItsResourceAndNoMore) {
  f.catalog->learn(2001);
  ASSERT_TRUE(f.catalog->drain(5s));
  const CatalogEntryPtr running = f.catalog->snapshot().at(2001);
  ASSERT_FALSE(running->info.args.empty());
  f.catalog->on_exit(2001, {5});
  f.catalog->on_exit(2001, {6});
  ASSERT_TRUE(f.catalog->drain(5s));
  const CatalogEntryPtr ended = f.catalog->snapshot().at(2001);
  EXPECT_EQ(ended->info, (ProcessInfo{.pid = 2001, .start_ticks = running->info.start_ticks}));
  EXPECT_EQ(ended->resource, running->resource);
  EXPECT_EQ(ended->decision.selected, running->decision.selected);
  EXPECT_EQ(ended->exited, Time{5}) << "a process ends once";
}

TEST_F(Forgetting, AChildOfWhatIsOnlyRememberedIsLookedAtItself) {
  f.catalog->learn(2001);
  f.catalog->on_exit(2001, {5});
  f.catalog->on_fork(2001, 1043);
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_EQ(service(f.catalog->find(1043)), "nginx");
}

TEST_F(Forgetting, APidThatIsUsedAgainIsNotForgottenWithTheOneBefore) {
  f.catalog->learn(1042);
  f.catalog->on_exit(1042, {1'000});
  f.catalog->on_exec(1042, {2'000}, "/usr/sbin/nginx");
  tick(Time{1'000} + kKeep);
  EXPECT_EQ(service(f.catalog->find(1042)), "nginx");
  f.catalog->on_exit(1042, Time{} + kKeep);
  tick(Time{} + 2 * kKeep + kRound);
  EXPECT_EQ(f.catalog->find(1042), nullptr);
  f.catalog->on_exec(1042, Time{} + 2 * kKeep + kRound, "/usr/sbin/nginx");
  tick(Time{} + 2 * kKeep + 3 * kRound);
  EXPECT_EQ(service(f.catalog->find(1042)), "nginx");
}

TEST_F(Forgetting, TenThousandLeaveNothing) {
  f.catalog->learn(2001);
  for (std::uint32_t pid = 10'000; pid < 20'000; ++pid) {
    f.catalog->on_fork(2001, pid);
    f.catalog->on_exec(pid, {1}, "/usr/bin/curl");
    f.catalog->on_exit(pid, {1});
  }
  ASSERT_TRUE(f.catalog->drain(60s));
  EXPECT_EQ(f.metric("telegen_discovery_processes"), 10'001);
  tick(Time{1} + kKeep);
  tick(Time{1} + kKeep + kRound);
  EXPECT_EQ(f.metric("telegen_discovery_processes"), 1);
}

TEST(Catalog, WhatIsRememberedOfTheExitedIsBoundedOldestFirst) {
  Fixture f({}, {.max_exited = 16});
  f.catalog->learn(2001);
  for (std::uint32_t pid = 5000; pid < 5100; ++pid) {
    f.catalog->on_exec(pid, {pid}, "/usr/bin/curl");
    f.catalog->on_exit(pid, {pid});
    f.catalog->tick({pid});
  }
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_LE(f.catalog->snapshot().size(), 17U);
  EXPECT_EQ(service(f.catalog->find(5099)), "curl");
  EXPECT_EQ(service(f.catalog->find(2001)), "app");
  EXPECT_EQ(f.catalog->find(5000), nullptr);
  EXPECT_EQ(f.metric("telegen_discovery_evicted_total"), 101 - f.catalog->snapshot().size());
}

TEST(Catalog, AnotherSelectionIsAppliedToWhatIsKnown) {
  Fixture f;
  f.catalog->learn(1042);
  f.catalog->learn(2001);
  f.catalog->on_exit(2001, {5});
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_EQ(f.catalog->snapshot().at(1042)->decision.selected, Matched::kYes);
  f.learned.clear();
  Selection none;
  none.instrument.push_back({.pids = {4'000'000}});
  f.catalog->reselect(none);
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_EQ(f.catalog->snapshot().at(1042)->decision.selected, Matched::kNo);
  EXPECT_EQ(f.learned, (std::vector<std::pair<std::uint32_t, Matched>>{{1042, Matched::kNo}}))
      << "who has exited stays";
}

}  // namespace
}  // namespace telegen
