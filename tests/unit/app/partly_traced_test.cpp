// Of whom not everything is seen: counted at any time, told of once a minute.
#include "partly_traced.h"

#include <gtest/gtest.h>

#include <string>

#include "discovery/host.h"

namespace telegen::app {
namespace {

using namespace std::chrono_literals;

// Processes of the golden /proc, some of which make rings.
struct Users {
  Users()
      : catalog({.proc_root = proc}, HostInfo{.ticks_per_second = 100}, {}, std::make_unique<DirectProc>(proc), metrics,
                {}) {}
  void make_ring(std::uint32_t pid) {
    catalog.on_ring(pid);
    ASSERT_TRUE(catalog.drain(5s));
  }
  void end(std::uint32_t pid) {
    catalog.on_exit(pid, {1});
    ASSERT_TRUE(catalog.drain(5s));
  }
  double metric() const {
    double value = -1;
    metrics.visit([&](const MetricSample& sample) {
      if (sample.name != "telegen_processes_partly_traced") return;
      EXPECT_EQ(*sample.labels, (MetricLabels{{"reason", "io_uring"}}));
      value = sample.value;
    });
    return value;
  }
  // What it writes to the log at that time.
  std::string told(PartlyTraced& partly, std::chrono::seconds at) const {
    ::testing::internal::CaptureStdout();
    partly.tell(Time{} + 1h + at);
    return ::testing::internal::GetCapturedStdout();
  }
  std::string proc = std::string(TELEGEN_TESTDATA) + "/discovery/proc";
  MetricRegistry metrics;
  ProcessCatalog catalog;
};

TEST(PartlyTraced, IsToldOfOnceAMinuteAtMostAndNotWithoutNews) {
  Users users;
  PartlyTraced partly("not seen here", users.catalog, users.metrics);
  EXPECT_EQ(users.metric(), 0);
  EXPECT_EQ(users.told(partly, 0s), "");
  users.make_ring(1042);
  EXPECT_EQ(users.metric(), 1);
  EXPECT_NE(users.told(partly, 1s)
                .find("1 process uses io_uring and is traced in part: what goes through it is not seen "
                      "here"),
            std::string::npos);
  EXPECT_EQ(users.told(partly, 2s), "");
  users.make_ring(1043);
  EXPECT_EQ(users.metric(), 2);
  EXPECT_EQ(users.told(partly, 60s), "");
  EXPECT_NE(users.told(partly, 61s).find("2 processes use io_uring and are traced in part"), std::string::npos);
  EXPECT_EQ(users.told(partly, 1000s), "") << "nothing new";
  users.end(1043);
  EXPECT_EQ(users.metric(), 1);
  EXPECT_EQ(users.told(partly, 1001s), "");
  users.make_ring(2001);
  EXPECT_NE(users.told(partly, 1002s).find("2 processes use"), std::string::npos) << "another one is news";
}

TEST(PartlyTraced, WhereIoUringIsSeenNobodyIs) {
  Users users;
  PartlyTraced partly("", users.catalog, users.metrics);
  users.make_ring(1042);
  EXPECT_EQ(users.metric(), 0);
  EXPECT_EQ(users.told(partly, 0s), "");
}

}  // namespace
}  // namespace telegen::app
