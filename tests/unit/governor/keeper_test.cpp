// From what is measured to what is carried out, and what /metrics says of it.
#include "governor/keeper.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <vector>

namespace telegen {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMi = 1 << 20;

std::map<std::string, double> readings(const MetricRegistry& registry) {
  std::map<std::string, double> values;
  registry.visit([&](const MetricSample& sample) { values[std::string(sample.name)] = sample.value; });
  return values;
}

struct World {
  std::uint64_t memory = 10 * kMi;
  Duration cpu{};
  bool loader_answers = true;
  std::vector<DegradationStep> applied;
  MetricRegistry metrics;

  ResourceKeeper keeper(const GovernorLimits& limits) {
    return ResourceKeeper(
        limits,
        {.memory_bytes = [this] { return std::optional(memory); }, .cpu = [this] { return std::optional(cpu); }},
        [this](const DegradationStep& step) -> Result<void> {
          if (!loader_answers) return fail("the loader has gone");
          applied.push_back(step);
          return {};
        },
        metrics);
  }
};

TEST(ResourceKeeper, CarriesOutEachStepOnceAndShowsIt) {
  World world;
  ResourceKeeper keeper = world.keeper({.memory_bytes = 100 * kMi, .cpus = {}, .capture_bytes = 4096});
  EXPECT_EQ(readings(world.metrics), (std::map<std::string, double>{{"telegen_governor_level", 0},
                                                                    {"telegen_governor_capture_bytes", 4096},
                                                                    {"telegen_governor_changes_total", 0},
                                                                    {"telegen_governor_sampling_scale", 1},
                                                                    {"telegen_governor_memory_limit_bytes", 100 * kMi},
                                                                    {"telegen_governor_memory_bytes", 0}}));
  Time now{};
  for (int i = 0; i < 20; ++i) keeper.tick(now = now + 1s);
  EXPECT_TRUE(world.applied.empty()) << "nothing is set that nobody changed";
  world.memory = 97 * kMi;
  for (int i = 0; i < 10; ++i) keeper.tick(now = now + 1s);
  EXPECT_EQ(world.applied, (std::vector<DegradationStep>{{Degradation::kLessCapture, 2048, 1},
                                                         {Degradation::kHeadsOnly, 512, 1},
                                                         {Degradation::kLessSampling, 512, 0.5},
                                                         {Degradation::kSuspended, 0, 1.0 / 64}}));
  EXPECT_EQ(keeper.pressure(), Pressure::kMemory);
  const auto shown = readings(world.metrics);
  EXPECT_EQ(shown.at("telegen_governor_level"), 4);
  EXPECT_EQ(shown.at("telegen_governor_capture_bytes"), 0);
  EXPECT_EQ(shown.at("telegen_governor_changes_total"), 4);
  EXPECT_EQ(shown.at("telegen_governor_sampling_scale"), 1.0 / 64);
  EXPECT_EQ(shown.at("telegen_governor_memory_bytes"), 97 * kMi);
}

TEST(ResourceKeeper, TriesAgainWhereAStepCouldNotBeCarriedOut) {
  World world;
  world.loader_answers = false;
  ResourceKeeper keeper = world.keeper({.memory_bytes = 100 * kMi, .cpus = {}, .capture_bytes = 4096});
  world.memory = 97 * kMi;
  Time now{};
  for (int i = 0; i < 5; ++i) keeper.tick(now = now + 1s);
  EXPECT_TRUE(world.applied.empty());
  world.loader_answers = true;
  for (int i = 0; i < 5; ++i) keeper.tick(now = now + 1s);
  EXPECT_EQ(world.applied, (std::vector<DegradationStep>{{Degradation::kSuspended, 0, 1.0 / 64}}));
}

TEST(ResourceKeeper, WithoutAMemoryLimitShowsNone) {
  World world;
  const ResourceKeeper keeper = world.keeper({.memory_bytes = {}, .cpus = 0.5, .capture_bytes = 4096});
  EXPECT_FALSE(readings(world.metrics).contains("telegen_governor_memory_limit_bytes"));
  EXPECT_FALSE(readings(world.metrics).contains("telegen_governor_memory_bytes"));
}

TEST(AgentUsage, OfBothProcesses) {
  const auto own = static_cast<std::uint32_t>(::getpid());
  const auto parent = static_cast<std::uint32_t>(::getppid());
  const UsageSources one = agent_usage({}, {}, {.worker = own});
  const UsageSources both = agent_usage({}, {}, {.worker = own, .loader = parent});
  ASSERT_TRUE(one.memory_bytes().has_value());
  EXPECT_GT(*one.memory_bytes(), kMi);
  EXPECT_GT(*both.memory_bytes(), *one.memory_bytes());
  EXPECT_GT(*one.cpu(), 0ns);
  EXPECT_GE(*both.cpu(), *one.cpu());
  const UsageSources gone = agent_usage({}, {}, {.worker = own, .loader = (1 << 22) - 1});
  EXPECT_EQ(gone.memory_bytes(), std::nullopt) << "half of it would mislead";
  EXPECT_EQ(gone.cpu(), std::nullopt);
  const UsageSources grouped =
      agent_usage({.memory_bytes = kMi, .cpus = {}}, {.root = "/nonexistent"}, {.worker = own});
  EXPECT_EQ(grouped.memory_bytes(), std::nullopt) << "the control group's figure is the one that counts there";
}

}  // namespace
}  // namespace telegen
