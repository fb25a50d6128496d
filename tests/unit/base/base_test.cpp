#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>

#include "base/address.h"
#include "base/fd.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"

namespace telegen {
namespace {

TEST(Result, AnErrorSaysWhatWasTriedOnWhatAndWhyInWords) {
  const Result<int> result = fail_errno(ENOENT, "open", "/run/x", ErrorKind::kConfiguration);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message, "open /run/x: No such file or directory");
  EXPECT_EQ(result.error().code, ENOENT);
  EXPECT_EQ(result.error().kind, ErrorKind::kConfiguration);
  const Result<int> wrapped = while_doing("start", result.error());
  EXPECT_EQ(wrapped.error().message, "start: open /run/x: No such file or directory");
  EXPECT_EQ(wrapped.error().code, ENOENT);
}

TEST(Address, IsShownWithoutPortAndMappedIpv4AsIpv4) {
  SocketAddress v4{.family = AddressFamily::kIpv4, .port = 80, .bytes = {192, 0, 2, 7}};
  EXPECT_EQ(to_text(v4), "192.0.2.7");
  EXPECT_EQ(to_text({.family = AddressFamily::kIpv4, .bytes = {255, 0, 100, 255}}), "255.0.100.255");
  SocketAddress mapped{
      .family = AddressFamily::kIpv6, .port = 80, .bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1}};
  EXPECT_EQ(to_text(mapped), "10.0.0.1");
  SocketAddress v6{.family = AddressFamily::kIpv6, .bytes = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  EXPECT_EQ(to_text(v6), "2001:db8::1");
  EXPECT_EQ(to_text({.family = AddressFamily::kUnix, .path = "@abstract"}), "@abstract");
  EXPECT_EQ(to_text({}), "");
}

TEST(Fd, ClosesOnceAndMoves) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  Fd reader(pipe_fds[0]);
  {
    Fd writer(pipe_fds[1]);
    Fd moved = std::move(writer);
    EXPECT_EQ(moved.get(), pipe_fds[1]);
    EXPECT_FALSE(writer.valid());
  }
  char byte;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 0) << "the write end must be closed";
}

TEST(Memory, WhatIsReleasedIsStillThere) {
  release_startup_memory();
  EXPECT_EQ(to_text({.family = AddressFamily::kUnix, .path = "/still/runs"}), "/still/runs");
}

TEST(Random, DependsOnItsSeedAlone) {
  Random a(7), b(7), c(8);
  for (int i = 0; i < 100; ++i) {
    const auto value = a.next();
    EXPECT_EQ(value, b.next());
    EXPECT_NE(value, c.next());
  }
}

TEST(Time, OffsetTurnsMonotonicIntoWallTime) {
  const ClockOffset offset = measure_clock_offset();
  const auto difference = static_cast<std::int64_t>(offset.to_unix(monotonic_now()).ns - unix_now().ns);
  EXPECT_LT(std::abs(difference), 1'000'000'000);
}

TEST(Metrics, CountersGaugesAndObservationsAreVisited) {
  MetricRegistry registry;
  registry.counter("telegen_a_total", "a", {{"cause", "x"}}).add(3);
  registry.gauge("telegen_b", "b").set(-2);
  registry.observe("telegen_c", "c", MetricKind::kGauge, {}, [] { return 1.5; });
  std::string seen;
  registry.visit([&](const MetricSample& sample) {
    seen += std::string(sample.name) + (sample.labels->empty() ? "" : sample.labels->front().second) + "=" +
            std::to_string(sample.value) + ";";
  });
  EXPECT_EQ(seen, "telegen_a_totalx=3.000000;telegen_b=-2.000000;telegen_c=1.500000;");
}

}  // namespace
}  // namespace telegen
