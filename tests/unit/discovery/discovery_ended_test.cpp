// Processes that are gone, or going, when the catalog gets to them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "catalog_fixture.h"
#include "discovery/service.h"

namespace telegen {
namespace {

using ::testing::ElementsAre;
using namespace std::chrono_literals;

TEST(Catalog, AProcessThatIsGoneIsKnownByWhatItExecuted) {
  Fixture f;
  f.catalog->on_fork(2001, 5000);
  f.catalog->on_exec(5000, {77}, "/usr/bin/curl");
  f.catalog->on_exec(5001, {78}, "./bin/a-name-of-twenty-bytes");
  f.catalog->on_exec(5002, {79}, "/srv/jobs/nightly.sh");
  f.catalog->on_exec(5003, {80}, "/dev/fd/3");
  f.catalog->on_exec(5004, {81}, "");
  ASSERT_TRUE(f.catalog->drain(5s));
  const CatalogEntryPtr before_its_exit = f.catalog->snapshot().at(5000);
  f.catalog->on_exit(5000, {99});
  ASSERT_TRUE(f.catalog->drain(5s));
  const auto all = f.catalog->snapshot();
  ASSERT_EQ(all.size(), 6u);

  ProcessInfo expected = all.at(2001)->info;
  expected = {.pid = 5000,
              .parent = 2001,
              .name = "curl",
              .partial = true,
              .effective_uid = expected.effective_uid,
              .inner_pid = 5000,
              .exe_path = "/usr/bin/curl",
              .cgroups = expected.cgroups,
              .container = expected.container,
              .net_namespace = expected.net_namespace,
              .service = {.name = "curl", .instance_id = make_instance_id(host().id, 5000, 77)}};
  EXPECT_EQ(before_its_exit->info, expected) << "its program and its environment are its own";
  EXPECT_EQ(all.at(5000)->exited, Time{99});
  EXPECT_FALSE(all.at(5000)->look_again.has_value());
  const std::map<std::string, std::string> resource = {{"service.name", "curl"},
                                                       {"service.instance.id", make_instance_id(host().id, 5000, 77)},
                                                       {"telemetry.sdk.name", "telegen"},
                                                       {"telemetry.sdk.language", "cpp"},
                                                       {"telemetry.sdk.version", "0.1.0"},
                                                       {"telemetry.distro.name", "telegen"},
                                                       {"telemetry.distro.version", "0.1.0"},
                                                       {"host.name", "box"},
                                                       {"host.id", "0123456789abcdef0123456789abcdef"},
                                                       {"host.arch", "amd64"},
                                                       {"os.type", "linux"},
                                                       {"os.name", "Debian GNU/Linux"},
                                                       {"os.version", "12"},
                                                       {"os.description", "Debian GNU/Linux 12 (bookworm)"},
                                                       {"process.pid", "#5000"},
                                                       {"process.parent_pid", "#2001"},
                                                       {"process.executable.name", "curl"},
                                                       {"process.executable.path", "/usr/bin/curl"},
                                                       {"container.id", kContainer},
                                                       {"container.runtime.name", "containerd"},
                                                       {"k8s.pod.uid", "8dbc5577-d0e2-4706-8787-57d52c03ddf2"}};
  EXPECT_EQ(as_map(*all.at(5000)->resource), resource);

  EXPECT_EQ(all.at(5001)->info.service.name, "a-name-of-twenty-bytes");
  EXPECT_EQ(all.at(5001)->info.name, "a-name-of-twent");
  EXPECT_EQ(all.at(5001)->info.exe_path, "") << "relative to a folder that is not known";
  EXPECT_EQ(all.at(5001)->exited, Time{78}) << "its exit may have been lost";
  EXPECT_EQ(all.at(5002)->info.service.name, "nightly");
  EXPECT_EQ(all.at(5003)->info.service.name, "unknown_service");
  EXPECT_EQ(all.at(5004)->info.service.name, "unknown_service");
  EXPECT_EQ(f.metric("telegen_discovery_partial_total"), 6) << "the fork and the five execs";
  f.catalog.reset();
  EXPECT_THAT(f.learned, ElementsAre(std::pair(2001u, Matched::kYes))) << "nobody selects what is gone";
}

TEST(Catalog, AnEndedProcessOfTheSamePidIsNotTakenForTheForkBefore) {
  Fixture f;
  f.catalog->on_fork(2001, 5000);
  f.catalog->on_exit(5000, {10});
  f.catalog->on_exec(5000, {77}, "/usr/bin/curl");
  ASSERT_TRUE(f.catalog->drain(5s));
  const auto entry = f.catalog->snapshot().at(5000);
  EXPECT_EQ(entry->info.parent, 0u);
  EXPECT_EQ(entry->info.container, ContainerRef{});
  EXPECT_EQ(entry->exited, Time{77});
}

TEST(Catalog, WhatIsLeftOfAnEndedProcessDoesNotReplaceWhatIsKnown) {
  const std::string root = ::testing::TempDir() + "telegen_zombie_" + std::to_string(::getpid());
  std::filesystem::create_directories(root);
  std::filesystem::copy(kProc + "/2001", root + "/2001",
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  MetricRegistry metrics;
  ProcessCatalog catalog({.proc_root = root}, host(), {}, std::make_unique<DirectProc>(root), metrics, {});
  catalog.on_exec(2001, {5}, "/ignored");
  ASSERT_TRUE(catalog.drain(5s));
  EXPECT_FALSE(catalog.snapshot().at(2001)->info.partial);
  // Now as a zombie: stat is there, all that hung on its memory is not.
  std::ifstream file(root + "/2001/stat");
  std::string stat(std::istreambuf_iterator<char>(file), {});
  file.close();
  stat.replace(stat.rfind(") ") + 2, 1, "Z");
  std::ofstream(root + "/2001/stat") << stat;
  for (const char* name : {"exe", "cmdline", "environ", "maps", "cwd"}) std::filesystem::remove(root + "/2001/" + name);
  catalog.learn(2001);
  catalog.tick({Time{6} + 1min});
  ASSERT_TRUE(catalog.drain(5s));
  EXPECT_EQ(service(catalog.find(2001)), "app");
  catalog.on_exec(2001, {7}, "/opt/bin/next");
  ASSERT_TRUE(catalog.drain(5s));
  const auto entry = catalog.snapshot().at(2001);
  EXPECT_EQ(entry->info.service.name, "next") << "but another program is another program";
  EXPECT_EQ(entry->info.exe_path, "/opt/bin/next");
  EXPECT_EQ(entry->info.start_ticks, 200000u);
  EXPECT_TRUE(entry->info.partial);
  EXPECT_FALSE(entry->exited.has_value()) << "the main thread of one that goes on looks the same";
  std::filesystem::remove_all(root);
}

TEST(Catalog, AnUnknownProcessIsStillOfThisHost) {
  Fixture f;
  const ResourcePtr one = f.catalog->resource_for_unknown(4000);
  const std::map<std::string, std::string> expected = {{"service.name", "unknown_service"},
                                                       {"telemetry.sdk.name", "telegen"},
                                                       {"telemetry.sdk.language", "cpp"},
                                                       {"telemetry.sdk.version", "0.1.0"},
                                                       {"telemetry.distro.name", "telegen"},
                                                       {"telemetry.distro.version", "0.1.0"},
                                                       {"host.name", "box"},
                                                       {"host.id", "0123456789abcdef0123456789abcdef"},
                                                       {"host.arch", "amd64"},
                                                       {"os.type", "linux"},
                                                       {"os.name", "Debian GNU/Linux"},
                                                       {"os.version", "12"},
                                                       {"os.description", "Debian GNU/Linux 12 (bookworm)"},
                                                       {"process.pid", "#4000"}};
  EXPECT_EQ(as_map(*one), expected);
  EXPECT_EQ(f.catalog->resource_for_unknown(4000), one) << "one resource a process";
  EXPECT_NE(f.catalog->resource_for_unknown(4001), one);
}

// Holds whoever reads until it is let go, and remembers whose files were read (looking for rings comes later).
class Gate final : public PrivilegedProc {
 public:
  struct Shared {
    std::atomic<bool> open{false};
    std::mutex mutex;
    std::vector<std::uint32_t> order;
  };
  explicit Gate(Shared& shared) : shared_(shared) {}
  Result<std::string> read(std::uint32_t pid, ProcFile file) override {
    {
      const std::scoped_lock lock(shared_.mutex);
      const bool another = shared_.order.empty() || shared_.order.back() != pid;
      if (another && file != ProcFile::kRings) shared_.order.push_back(pid);
    }
    shared_.open.wait(false);
    return direct_.read(pid, file);
  }
  Result<Fd> open_executable(std::uint32_t pid) override { return direct_.open_executable(pid); }

 private:
  Shared& shared_;
  DirectProc direct_{kProc};
};

TEST(Catalog, EventsDoNotWaitBehindWhatIsOnlyToBeLearned) {
  Gate::Shared shared;
  MetricRegistry metrics;
  ProcessCatalog catalog({.proc_root = kProc}, host(), {}, std::make_unique<Gate>(shared), metrics, {});
  for (const std::uint32_t pid : {1042, 2002, 2003}) catalog.learn(pid);
  for (int i = 0; i < 500; ++i) {  // until the first is being read
    {
      const std::scoped_lock lock(shared.mutex);
      if (!shared.order.empty()) break;
    }
    std::this_thread::sleep_for(10ms);
  }
  catalog.on_exec(2001, {1}, "/ignored");
  catalog.on_exit(2003, {2});
  shared.open = true;
  shared.open.notify_all();
  ASSERT_TRUE(catalog.drain(5s));
  EXPECT_THAT(shared.order, ElementsAre(1042, 2001, 2003, 2002));
  EXPECT_EQ(service(catalog.find(2003)), "orders") << "its exit overtook its being learned and does not lose it";
  EXPECT_EQ(catalog.snapshot().at(2003)->exited, Time{2});
}

}  // namespace
}  // namespace telegen
