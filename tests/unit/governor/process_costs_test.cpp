// CPU time by thread and memory by process: the formats of /proc, and this process itself.
#include "governor/process_costs.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "base/random.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;

TEST(ThreadStat, OfAThreadWithAnyName) {
  const auto stat = parse_thread_stat(
      "812 (a ) b (c) S 1 812 812 0 -1 4194560 31 0 0 0 250 75 9 9 20 0 7 0 123 1000 200 18446744073709551615\n");
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->name, "a ) b (c");
  EXPECT_EQ(stat->ticks, 325U);
}

TEST(ThreadStat, AnythingElseIsNone) {
  const std::string good = "8 (ring) S 1 8 8 0 -1 4194560 31 0 0 0 250 75";
  ASSERT_TRUE(parse_thread_stat(good).has_value());
  for (std::size_t cut = 0; cut + 2 < good.size(); ++cut) {
    EXPECT_FALSE(parse_thread_stat(good.substr(0, cut)).has_value()) << good.substr(0, cut);
  }
  EXPECT_FALSE(parse_thread_stat(")(").has_value());
  EXPECT_FALSE(parse_thread_stat("8 (ring) S 1 8 8 0 -1 4194560 31 0 0 0 250 x").has_value());
  Random random(5);
  for (int round = 0; round < 5000; ++round) {
    std::string text = good;
    text[random.next() % text.size()] = static_cast<char>(random.next());
    static_cast<void>(parse_thread_stat(text));  // any bytes are safe
  }
}

TEST(Resident, FromStatus) {
  const auto memory = parse_resident_memory("Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\nThreads:\t1\n");
  ASSERT_TRUE(memory.has_value());
  EXPECT_EQ(memory->bytes, 1024U * 1024);
  EXPECT_EQ(memory->peak_bytes, 2048U * 1024);
  EXPECT_FALSE(parse_resident_memory("Name:\tx\nVmRSS:\t   1024 kB\n").has_value()) << "a kernel thread has neither";
  EXPECT_FALSE(parse_resident_memory("VmHWM:\t 1\nVmRSS:\t kB\n").has_value());
  EXPECT_FALSE(parse_resident_memory("").has_value());
}

TEST(Resident, OfThisProcess) {
  const auto memory = read_resident_memory("/proc", static_cast<std::uint32_t>(::getpid()));
  ASSERT_TRUE(memory.has_value());
  EXPECT_GT(memory->bytes, 1U << 20);
  EXPECT_GE(memory->peak_bytes, memory->bytes);
  EXPECT_FALSE(read_resident_memory("/proc", 0).has_value());
}

std::map<std::string, double> readings(const MetricRegistry& registry) {
  std::map<std::string, double> values;
  registry.visit([&](const MetricSample& sample) {
    values[std::string(sample.name) + " " + sample.labels->front().second] = sample.value;
  });
  return values;
}

void burn(Duration time) {
  const auto until = std::chrono::steady_clock::now() + time;
  volatile std::uint64_t sink = 0;
  while (std::chrono::steady_clock::now() < until) sink = sink + 1;
}

TEST(ProcessCosts, AreCountedByTheNameOfAThread) {
  MetricRegistry registry;
  Time now{1'000'000'000};
  ProcessCosts costs({.worker = static_cast<std::uint32_t>(::getpid()),
                      .ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK))},
                     [&now] { return now; });
  costs.expose(registry);
  std::atomic<int> burnt{0};
  std::atomic<bool> end{false};
  std::vector<std::jthread> threads;
  for (const char* name : {"ring", "ring", "unheard-of"}) {
    threads.emplace_back([&, name] {
      ::prctl(PR_SET_NAME, name);
      burn(150ms);
      ++burnt;
      while (!end) std::this_thread::sleep_for(1ms);
    });
  }
  while (burnt < 3) std::this_thread::sleep_for(1ms);
  const auto first = readings(registry);
  // Three threads burn at once, maybe on one processor: each has at least a share of its 150 ms.
  EXPECT_GE(first.at("telegen_cpu_seconds_total ring"), 0.03);
  EXPECT_LE(first.at("telegen_cpu_seconds_total ring"), 1);
  EXPECT_GE(first.at("telegen_cpu_seconds_total other"), 0.01);
  EXPECT_EQ(first.at("telegen_cpu_seconds_total sender"), 0);
  EXPECT_EQ(first.at("telegen_cpu_seconds_total loader"), 0);
  EXPECT_GT(first.at("telegen_process_resident_bytes worker"), 0);
  EXPECT_GE(first.at("telegen_process_resident_peak_bytes worker"), first.at("telegen_process_resident_bytes worker"));
  EXPECT_FALSE(first.contains("telegen_process_resident_bytes loader")) << "there is none";

  burn(50ms);
  EXPECT_EQ(readings(registry).at("telegen_cpu_seconds_total main"), first.at("telegen_cpu_seconds_total main"))
      << "one page is one reading";
  now = now + 1s;
  EXPECT_GT(readings(registry).at("telegen_cpu_seconds_total main"), first.at("telegen_cpu_seconds_total main"));

  end = true;
  threads.clear();
  now = now + 1s;
  EXPECT_GE(readings(registry).at("telegen_cpu_seconds_total ring"), first.at("telegen_cpu_seconds_total ring"))
      << "what ended threads used stays counted";
}

TEST(ProcessCosts, TheProcessorTimeOfAProcessIsThatOfAllItsThreads) {
  const auto before = process_cpu_time(static_cast<std::uint32_t>(::getpid()));
  ASSERT_TRUE(before.has_value());
  std::jthread([] { burn(60ms); }).join();
  const auto after = process_cpu_time(static_cast<std::uint32_t>(::getpid()));
  ASSERT_TRUE(after.has_value());
  EXPECT_GE(*after - *before, 10ms);
  EXPECT_FALSE(process_cpu_time((1 << 22) - 1).has_value()) << "the last pid that there could be";
  EXPECT_FALSE(process_cpu_time(0x7fffffff).has_value());
  EXPECT_FALSE(process_cpu_time(0).has_value());
}

}  // namespace
}  // namespace telegen
