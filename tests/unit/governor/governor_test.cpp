// The governor against models of the agent: what load and knobs make of CPU time and memory, second by second.
#include "governor/governor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kCapture = 4096;
constexpr std::uint64_t kMi = 1 << 20;

double between(Random& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random.next() >> 11) / 9007199254740992.0;
}

// Cores that a load costs: something a transfer, something a captured byte, something a span that is kept.
struct CpuPlant {
  double per_transfer;
  double per_capture;  // of the whole configured length
  double per_span;
  double idle = 0.005;

  double cores(double load, const DegradationStep& step) const {
    if (step.capture_bytes == 0) return idle;
    return idle + load * (per_transfer + per_capture * step.capture_bytes / kCapture + per_span * step.sampling_scale);
  }
};

struct Second {
  double fraction;       // of the limit
  DegradationStep step;  // what was in force in it
};

class CpuRun {
 public:
  CpuRun(CpuPlant plant, double limit, std::uint64_t seed)
      : plant_(plant),
        limit_(limit),
        governor_({.memory_bytes = {}, .cpus = limit, .capture_bytes = kCapture}),
        random_(seed) {
    governor_.update({.now = now_, .memory_bytes = {}, .cpu = cpu_});
  }
  void seconds(int count, double load, double noise) {
    for (int i = 0; i < count; ++i) {
      const DegradationStep step = governor_.step();
      const double cores = plant_.cores(load, step) * between(random_, 1 - noise, 1 + noise);
      now_ = now_ + 1s;
      cpu_ += std::chrono::duration_cast<Duration>(std::chrono::duration<double>(cores));
      history.push_back({cores / limit_, step});
      if (governor_.update({.now = now_, .memory_bytes = {}, .cpu = cpu_})) ++changes;
    }
  }
  const Governor& governor() const { return governor_; }
  std::vector<Second> history;
  int changes = 0;

 private:
  CpuPlant plant_;
  double limit_;
  Governor governor_;
  Random random_;
  Time now_{1'000'000'000};
  Duration cpu_{};
};

int longest_excess(const std::vector<Second>& history, std::size_t from) {
  int longest = 0;
  int run = 0;
  for (std::size_t i = from; i < history.size(); ++i) {
    run = history[i].fraction > 1 ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

TEST(Ladder, GivesUpInTheStatedOrder) {
  const std::vector<DegradationStep> ladder = make_ladder(4096);
  ASSERT_EQ(ladder.size(), 11U);
  EXPECT_EQ(ladder.front(), (DegradationStep{Degradation::kNone, 4096, 1}));
  EXPECT_EQ(ladder[1], (DegradationStep{Degradation::kLessCapture, 2048, 1}));
  EXPECT_EQ(ladder[2], (DegradationStep{Degradation::kLessCapture, 1024, 1}));
  EXPECT_EQ(ladder[3], (DegradationStep{Degradation::kHeadsOnly, 512, 1}));
  EXPECT_EQ(ladder[4], (DegradationStep{Degradation::kLessSampling, 512, 0.5}));
  EXPECT_EQ(ladder[9], (DegradationStep{Degradation::kLessSampling, 512, 1.0 / 64}));
  EXPECT_EQ(ladder.back(), (DegradationStep{Degradation::kSuspended, 0, 1.0 / 64}));
  for (std::uint32_t configured = 256; configured <= 8192; ++configured) {
    const std::vector<DegradationStep> any = make_ladder(configured);
    for (std::size_t i = 1; i < any.size(); ++i) {
      EXPECT_LE(any[i - 1].level, any[i].level);
      EXPECT_LE(any[i].capture_bytes, any[i - 1].capture_bytes) << "from " << configured;
      EXPECT_LE(any[i].sampling_scale, any[i - 1].sampling_scale);
      EXPECT_NE(any[i], any[i - 1]);
    }
  }
  EXPECT_EQ(make_ladder(400)[1], (DegradationStep{Degradation::kLessSampling, 400, 0.5}))
      << "nothing to gain from less capture";
}

TEST(Governor, WithoutLimitsGivesUpNothing) {
  Governor governor({.memory_bytes = {}, .cpus = {}, .capture_bytes = kCapture});
  for (int i = 1; i < 100; ++i) {
    EXPECT_FALSE(governor.update({.now = Time{} + i * 1s, .memory_bytes = 1ULL << 40, .cpu = i * 8s}));
  }
  EXPECT_EQ(governor.step(), (DegradationStep{Degradation::kNone, kCapture, 1}));
  EXPECT_EQ(governor.pressure(), Pressure::kNone);
}

TEST(Governor, BelowTheLimitGivesUpNothing) {
  CpuRun run({.per_transfer = 0.1, .per_capture = 0.1, .per_span = 0.1}, 1, 1);
  run.seconds(3600, 2.4, 0.05);  // 0.72
  EXPECT_EQ(run.changes, 0);
}

TEST(Governor, LoadThatRisesSlowlyNeverExceedsTheCpuLimit) {
  CpuRun run({.per_transfer = 0.05, .per_capture = 0.1, .per_span = 0.1}, 0.2, 2);
  double load = 0.2;
  for (int i = 0; i < 400; ++i, load += 0.005) run.seconds(1, load, 0.02);
  for (const Second& second : run.history) EXPECT_LE(second.fraction, 1.0);
  EXPECT_NE(run.governor().step().level, Degradation::kNone);
  EXPECT_EQ(run.governor().pressure(), Pressure::kCpu);
}

TEST(Governor, AnyConstantLoadSettlesWithinTheCpuLimitAndStays) {
  Random random(11);
  for (std::uint64_t round = 0; round < 50; ++round) {
    const CpuPlant plant{.per_transfer = between(random, 0.001, 0.3),
                         .per_capture = between(random, 0, 0.5),
                         .per_span = between(random, 0, 0.5)};
    CpuRun run(plant, between(random, 0.05, 1), round);
    run.seconds(120, 0.01, 0.05);
    ASSERT_EQ(run.changes, 0);
    run.seconds(4 * 3600, between(random, 0.5, 10), 0.05);
    EXPECT_LE(longest_excess(run.history, 120 + 60), 1) << "round " << round;
    const int settled = run.changes;
    run.seconds(3600, 0.01, 0.05);
    EXPECT_EQ(run.governor().step().level, Degradation::kNone) << "round " << round << ": not everything came back";
    EXPECT_LE(run.changes - settled, 10) << "one after the other, and no further";
  }
}

TEST(Governor, ConstantLoadGivesFewChangesAnHour) {
  Random random(12);
  for (std::uint64_t round = 0; round < 50; ++round) {
    const CpuPlant plant{.per_transfer = between(random, 0.001, 0.3),
                         .per_capture = between(random, 0, 0.5),
                         .per_span = between(random, 0, 0.5)};
    CpuRun run(plant, between(random, 0.05, 1), round);
    const double load = between(random, 0.5, 10);
    run.seconds(3600, load, 0.05);
    const int first_hour = run.changes;
    run.seconds(3600, load, 0.05);
    EXPECT_LE(first_hour, 40) << "round " << round;
    EXPECT_LE(run.changes - first_hour, 24) << "round " << round;
  }
}

TEST(Governor, ComesBackInReverseOrder) {
  CpuRun run({.per_transfer = 0.3, .per_capture = 0.1, .per_span = 0.1}, 0.1, 3);
  run.seconds(60, 5, 0.02);
  ASSERT_EQ(run.governor().step().level, Degradation::kSuspended);
  std::vector<DegradationStep> taken{run.governor().step()};
  for (int i = 0; i < 3600 && run.governor().step().level != Degradation::kNone; ++i) {
    run.seconds(1, 0.01, 0.02);
    if (run.governor().step() != taken.back()) taken.push_back(run.governor().step());
  }
  std::vector<DegradationStep> ladder = make_ladder(kCapture);
  std::ranges::reverse(ladder);
  EXPECT_EQ(taken, ladder);
  EXPECT_EQ(run.governor().pressure(), Pressure::kNone);
}

// What is held: a base, what captured bytes and kept spans add, what the receiver takes, what the queue's limit drops.
struct MemoryPlant {
  double base = 50;        // MiB
  double per_capture = 4;  // MiB a second at load 1
  double per_span = 4;
  double queue_limit = 1e9;
  double held = 0;

  double second(double load, double drained, const DegradationStep& step) {
    if (step.capture_bytes != 0)
      held += load * (per_capture * step.capture_bytes / kCapture + per_span * step.sampling_scale);
    held = std::clamp(held - drained, 0.0, queue_limit);
    return base + held;
  }
};

class MemoryRun {
 public:
  MemoryRun(MemoryPlant plant, double limit)
      : plant_(plant),
        limit_(limit),
        governor_({.memory_bytes = bytes(limit), .cpus = {}, .capture_bytes = kCapture}) {}
  void seconds(int count, double load, double drained) {
    for (int i = 0; i < count; ++i) {
      const DegradationStep step = governor_.step();
      const double used = plant_.second(load, drained, step);
      now_ = now_ + 1s;
      history.push_back({used / limit_, step});
      if (governor_.update({.now = now_, .memory_bytes = bytes(used), .cpu = {}})) ++changes;
    }
  }
  const Governor& governor() const { return governor_; }
  std::vector<Second> history;
  int changes = 0;

 private:
  static std::uint64_t bytes(double mebibytes) { return static_cast<std::uint64_t>(mebibytes * kMi); }
  MemoryPlant plant_;
  double limit_;
  Governor governor_;
  Time now_{1'000'000'000};
};

TEST(Governor, AReceiverThatIsGoneNeverMakesMemoryExceedTheLimit) {
  Random random(21);
  for (int round = 0; round < 50; ++round) {
    const double limit = between(random, 100, 400);
    MemoryRun run({.per_capture = between(random, 0, 0.5), .per_span = between(random, 0, 0.5)}, limit);
    const double load = between(random, 0.1, limit / 100);  // at most 1 % of the limit a second
    run.seconds(300, load, 100);
    EXPECT_EQ(run.changes, 0);
    run.seconds(3 * 3600, load, 0);
    for (const Second& second : run.history) ASSERT_LE(second.fraction, 1) << "round " << round;
    const int outage = run.changes;
    EXPECT_LE(outage, 12) << "what is held does not go away: no attempts";
    run.seconds(3600, load, 100);
    EXPECT_EQ(run.governor().step().level, Degradation::kNone) << "round " << round;
    EXPECT_LE(run.changes - outage, 11);
  }
}

TEST(Governor, AFloodIsMetAtOnce) {
  MemoryRun run({.per_capture = 5, .per_span = 1}, 200);  // 6 MiB a second, 3 % of the limit
  run.seconds(60, 1, 0);
  for (const Second& second : run.history) EXPECT_LE(second.fraction, 1);
  EXPECT_EQ(run.governor().step().level, Degradation::kSuspended);
  EXPECT_EQ(run.governor().pressure(), Pressure::kMemory);
}

TEST(Governor, MemoryThatDrainsSlowlyGivesFewChangesAnHour) {
  Random random(22);
  for (int round = 0; round < 50; ++round) {
    MemoryRun run({.per_capture = between(random, 0, 1), .per_span = between(random, 0, 1)}, 200);
    const double load = between(random, 0.1, 1);
    const double drained = between(random, 0.1, 1);
    run.seconds(3600, load, drained);
    const int first_hour = run.changes;
    run.seconds(3600, load, drained);
    EXPECT_LE(run.changes - first_hour, 30) << "round " << round;
    for (const Second& second : run.history) ASSERT_LE(second.fraction, 1) << "round " << round;
  }
}

TEST(Governor, WhatCannotBeGivenUpIsNoReasonToStayDegraded) {
  MemoryRun run({.base = 75, .per_capture = 1, .per_span = 1}, 100);  // 75 % of the limit, idle
  run.seconds(30, 1, 0);
  ASSERT_EQ(run.governor().step().level, Degradation::kSuspended);
  run.seconds(3 * 3600, 0.1, 1);
  EXPECT_EQ(run.governor().step().level, Degradation::kNone);
}

TEST(Governor, TheStricterOfTheTwoWins) {
  Governor governor({.memory_bytes = 100 * kMi, .cpus = 1.0, .capture_bytes = kCapture});
  Time now{};
  Duration cpu{};
  const auto second = [&](std::uint64_t memory, Duration spent) {
    now = now + 1s;
    cpu += spent;
    governor.update({.now = now, .memory_bytes = memory, .cpu = cpu});
  };
  for (int i = 0; i < 4; ++i) second(96 * kMi, 100ms);  // at once, a level a second
  EXPECT_EQ(governor.step().level, Degradation::kSuspended);
  EXPECT_EQ(governor.pressure(), Pressure::kMemory);
  for (int i = 0; i < 8; ++i) second(96 * kMi, 1500ms);
  EXPECT_EQ(governor.step().level, Degradation::kSuspended) << "CPU asks for less, and is not asked";
  for (int i = 0; i < 3600; ++i) second(10 * kMi, 950ms);
  EXPECT_EQ(governor.pressure(), Pressure::kCpu) << "memory has recovered";
  for (int i = 0; i < 3600; ++i) second(10 * kMi, 10ms);
  EXPECT_EQ(governor.step().level, Degradation::kNone);
}

TEST(Governor, WhatWasNotMeasuredChangesNothing) {
  Governor governor({.memory_bytes = 100 * kMi, .cpus = 0.1, .capture_bytes = kCapture});
  Time now{};
  const auto update = [&](ResourceUsage usage) { return governor.update(usage); };
  EXPECT_FALSE(update({.now = now + 1s, .memory_bytes = {}, .cpu = 10s})) << "the first reading tells no rate";
  EXPECT_FALSE(update({.now = now + 2s, .memory_bytes = {}, .cpu = {}}));
  EXPECT_FALSE(update({.now = now + 3s, .memory_bytes = {}, .cpu = 100s})) << "nothing to compare with";
  EXPECT_FALSE(update({.now = now + 4s, .memory_bytes = {}, .cpu = 1s})) << "a process was replaced";
  EXPECT_FALSE(update({.now = now + 1h, .memory_bytes = {}, .cpu = 1h})) << "the machine slept";
  EXPECT_EQ(governor.step().level, Degradation::kNone);
}

TEST(Governor, NamesItsLevelsAndPressures) {
  EXPECT_EQ(to_text(Degradation::kNone), "none");
  EXPECT_EQ(to_text(Degradation::kLessCapture), "less_capture");
  EXPECT_EQ(to_text(Degradation::kHeadsOnly), "heads_only");
  EXPECT_EQ(to_text(Degradation::kLessSampling), "less_sampling");
  EXPECT_EQ(to_text(Degradation::kSuspended), "suspended");
  EXPECT_EQ(to_text(Pressure::kNone), "none");
  EXPECT_EQ(to_text(Pressure::kMemory), "memory");
  EXPECT_EQ(to_text(Pressure::kCpu), "cpu");
}

}  // namespace
}  // namespace telegen
