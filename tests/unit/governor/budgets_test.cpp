// Budgets under a memory limit: that they fit, never exceed what is configured, and never shrink as the limit grows.
#include "governor/budgets.h"

#include <gtest/gtest.h>

#include <bit>

#include "base/random.h"

namespace telegen {
namespace {

constexpr std::uint64_t kMi = 1 << 20;

Budgets defaults() {
  return {.ring_bytes = 16 * kMi,
          .connections = 1 << 20,
          .traces_bytes = 256 * kMi,
          .metrics_bytes = 128 * kMi,
          .logs_bytes = 256 * kMi,
          .profiles_bytes = 64 * kMi,
          .tail_bytes = 64 * kMi,
          .series_bytes = 64 * kMi};
}

constexpr std::uint64_t Budgets::* kAll[] = {&Budgets::ring_bytes,    &Budgets::connections, &Budgets::traces_bytes,
                                             &Budgets::metrics_bytes, &Budgets::logs_bytes,  &Budgets::profiles_bytes,
                                             &Budgets::tail_bytes,    &Budgets::series_bytes};

TEST(Budgets, WithoutALimitAreAsConfigured) {
  const BudgetPlan plan = plan_budgets(defaults(), std::nullopt);
  EXPECT_EQ(plan.budgets, defaults());
  EXPECT_TRUE(plan.scaled.empty());
  EXPECT_TRUE(plan.fits);
}

TEST(Budgets, WithALimitThatHoldsAllAreAsConfigured) {
  const std::uint64_t needed = kBaseBytes + static_cast<std::uint64_t>(static_cast<double>(cost(defaults())) / 0.8) + 2;
  const BudgetPlan plan = plan_budgets(defaults(), needed);
  EXPECT_EQ(plan.budgets, defaults());
  EXPECT_TRUE(plan.scaled.empty());
  EXPECT_FALSE(plan_budgets(defaults(), needed - kMi).scaled.empty());
}

TEST(Budgets, AreScaledAndNamedForASmallPod) {
  const BudgetPlan plan = plan_budgets(defaults(), 200 * kMi);
  EXPECT_TRUE(plan.fits);
  EXPECT_LE(kBaseBytes + cost(plan.budgets), 200 * kMi);
  // More than half of what there is to divide is used: the ring's power of two costs some.
  EXPECT_GT(cost(plan.budgets), (200 * kMi - kBaseBytes) / 2);
  ASSERT_EQ(plan.scaled.size(), 8U);
  EXPECT_EQ(plan.scaled[0], (ScaledBudget{"agent.ebpf.ringbuf_size", 16 * kMi, plan.budgets.ring_bytes}));
  EXPECT_EQ(plan.scaled[2], (ScaledBudget{"queues.traces.mem_limit", 256 * kMi, plan.budgets.traces_bytes}));
  EXPECT_LT(plan.budgets.traces_bytes, 32 * kMi);
  EXPECT_EQ(plan.budgets.traces_bytes, plan.budgets.logs_bytes) << "in proportion";
}

TEST(Budgets, ThatCannotFitAreTheSmallestAndSaySo) {
  const BudgetPlan plan = plan_budgets(defaults(), 40 * kMi);
  EXPECT_FALSE(plan.fits);
  EXPECT_EQ(plan.budgets, (Budgets{.ring_bytes = kMi / 4,
                                   .connections = 4096,
                                   .traces_bytes = 4 * kMi,
                                   .metrics_bytes = 2 * kMi,
                                   .logs_bytes = 4 * kMi,
                                   .profiles_bytes = kMi,
                                   .tail_bytes = kMi,
                                   .series_bytes = kMi}));
}

TEST(Budgets, SmallerThanTheMinimumByConfigurationStaySo) {
  Budgets configured = defaults();
  configured.ring_bytes = 65536;
  configured.traces_bytes = 1000;
  configured.tail_bytes = 0;
  const BudgetPlan plan = plan_budgets(configured, 60 * kMi);
  EXPECT_EQ(plan.budgets.ring_bytes, 65536U);
  EXPECT_EQ(plan.budgets.traces_bytes, 1000U);
  EXPECT_EQ(plan.budgets.tail_bytes, 0U);
}

Budgets any_budgets(Random& random) {
  Budgets budgets;
  for (const auto member : kAll) budgets.*member = random.next() >> (34 + random.next() % 25);
  return budgets;
}

TEST(Budgets, OfAnyConfigurationFitAndGrowWithTheLimit) {
  Random random(7);
  for (int round = 0; round < 2000; ++round) {
    const Budgets configured = any_budgets(random);
    const std::uint64_t limit = random.next() >> (24 + random.next() % 20);
    const BudgetPlan less = plan_budgets(configured, limit);
    const BudgetPlan more = plan_budgets(configured, limit + (random.next() >> (30 + random.next() % 25)));
    if (less.fits) {
      EXPECT_LE(kBaseBytes + cost(less.budgets), std::max(limit, kBaseBytes));
    }
    EXPECT_LE(less.fits, more.fits);
    std::size_t smaller = 0;
    for (const auto member : kAll) {
      EXPECT_LE(less.budgets.*member, configured.*member);
      EXPECT_LE(less.budgets.*member, more.budgets.*member) << "limit " << limit;
      if (less.budgets.*member < configured.*member) ++smaller;
    }
    EXPECT_EQ(less.scaled.size(), smaller);
    if (less.budgets.ring_bytes < configured.ring_bytes && less.budgets.ring_bytes > kMi / 4) {
      EXPECT_TRUE(std::has_single_bit(less.budgets.ring_bytes)) << less.budgets.ring_bytes;
    }
  }
}

}  // namespace
}  // namespace telegen
