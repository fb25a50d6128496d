#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "catalog_fixture.h"
#include "discovery/resource_builder.h"
#include "discovery/service.h"
#include "discovery/status.h"

namespace telegen {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

Result<ProcessInfo> inspect(std::uint32_t pid) {
  const HostInfo h = host();
  DirectProc direct(kProc);
  ExecutableCache cache;
  return inspect_process({kProc, &h, &direct, &cache}, pid, true);
}

TEST(Inspect, NginxInDocker) {
  const auto p = inspect(1042);
  ASSERT_TRUE(p.has_value()) << p.error().message;
  EXPECT_EQ(p->pid, 1042u);
  EXPECT_EQ(p->parent, 1u);
  EXPECT_EQ(p->start_ticks, 123456u);
  EXPECT_EQ(p->start.ns, 1'700'000'000'000'000'000ULL + 1'234'560'000'000ULL);
  EXPECT_EQ(p->name, "nginx");
  EXPECT_FALSE(p->kernel_thread);
  EXPECT_EQ(p->effective_uid, 0u);
  EXPECT_EQ(p->inner_pid, 1u);
  EXPECT_EQ(p->exe_path, "/usr/sbin/nginx-golden/nginx");
  EXPECT_THAT(p->args, ElementsAre("nginx: master process nginx -g daemon off;"));
  EXPECT_THAT(p->cgroups, ElementsAre(CgroupMembership{"", "/system.slice/docker-" + kContainer + ".scope"}));
  EXPECT_EQ(p->container, (ContainerRef{kContainer, "docker", ""}));
  EXPECT_EQ(p->net_namespace, 4026531840u);
  EXPECT_EQ(p->runtime, Runtime{}) << "the executable cannot be read: unknown, not guessed";
  EXPECT_FALSE(p->sends_otlp_traces);
  EXPECT_TRUE(p->resource_attributes.empty());
  EXPECT_EQ(p->service.name, "nginx");
  EXPECT_FALSE(p->service.name_given);
  EXPECT_EQ(p->service.instance_id, make_instance_id(host().id, 1042, 123456));
  EXPECT_THAT(*p->listening_ports, ElementsAre(80)) << "22 belongs to another process";
}

TEST(Inspect, PythonInKubernetesAsAResourceWithoutItsSecrets) {
  const auto p = inspect(2001);
  ASSERT_TRUE(p.has_value()) << p.error().message;
  EXPECT_EQ(p->name, "a) S 1 (b c");
  EXPECT_EQ(p->effective_uid, 1000u);
  EXPECT_EQ(p->resource_attributes,
            (StringPairs{
                {"service.namespace", "shop"}, {"service.version", "1.4"}, {"team", "a b"}, {"host.name", "given"}}));
  const auto resource = as_map(build_resource(host(), *p, {.agent_version = "0.1.0"}));
  const std::map<std::string, std::string> expected = {
      {"service.name", "app"},
      {"service.namespace", "shop"},
      {"service.version", "1.4"},
      {"service.instance.id", make_instance_id(host().id, 2001, 200000)},
      {"telemetry.sdk.name", "telegen"},
      {"telemetry.sdk.language", "python"},
      {"telemetry.sdk.version", "0.1.0"},
      {"telemetry.distro.name", "telegen"},
      {"telemetry.distro.version", "0.1.0"},
      {"host.name", "given"},
      {"host.id", "0123456789abcdef0123456789abcdef"},
      {"host.arch", "amd64"},
      {"os.type", "linux"},
      {"os.name", "Debian GNU/Linux"},
      {"os.version", "12"},
      {"os.description", "Debian GNU/Linux 12 (bookworm)"},
      {"process.pid", "#2001"},
      {"process.parent_pid", "#1"},
      {"process.vpid", "#7"},
      {"process.executable.name", "python3.11"},
      {"process.executable.path", "/opt/golden/bin/python3.11"},
      {"process.command", "/opt/golden/bin/python3.11"},
      {"process.runtime.name", "cpython"},
      {"process.runtime.version", "3.11"},
      {"container.id", kContainer},
      {"container.runtime.name", "containerd"},
      {"k8s.pod.uid", "8dbc5577-d0e2-4706-8787-57d52c03ddf2"},
      {"team", "a b"}};
  EXPECT_EQ(resource, expected);
  const auto with_args = as_map(build_resource(host(), *p, {.agent_version = "0.1.0", .command_args = true}));
  EXPECT_EQ(with_args.at("process.command_args"), "[/opt/golden/bin/python3.11][-u][app.py][--password][hunter2]");
}

TEST(Inspect, AGivenNameWinsAndMalformedAttributesAreDiscardedWhole) {
  const auto p = inspect(2002);
  ASSERT_TRUE(p.has_value());
  EXPECT_EQ(p->service.name, "frontend");
  EXPECT_TRUE(p->service.name_given);
  EXPECT_TRUE(p->resource_attributes.empty());
  EXPECT_EQ(p->runtime.language, Language::kNodejs);
}

TEST(Inspect, AnOtelAgentIsSeenAndADeletedExecutableNamed) {
  const auto p = inspect(2003);
  ASSERT_TRUE(p.has_value());
  EXPECT_TRUE(p->sends_otlp_traces);
  EXPECT_EQ(p->service.name, "orders");
  EXPECT_EQ(p->exe_path, "/opt/golden/jdk-21.0.1/bin/java");
  EXPECT_EQ(p->runtime, (Runtime{Language::kJava, "java", "21.0.1"}));
}

TEST(Inspect, KernelThreadsGoneAndCutProcesses) {
  const auto kernel = inspect(2);
  ASSERT_TRUE(kernel.has_value());
  EXPECT_TRUE(kernel->kernel_thread);
  EXPECT_EQ(inspect(3000).error().message, "read " + kProc + "/3000/stat: not the format of proc(5)");
  EXPECT_EQ(inspect(4000).error().message, "open " + kProc + "/4000/stat: No such file or directory");
}

TEST(Inspect, NothingButOtelVariablesIsEverHandedOver) {
  DirectProc direct(kProc);
  const auto environ = direct.read(2001, ProcFile::kEnviron);
  ASSERT_TRUE(environ.has_value());
  EXPECT_THAT(*environ, Not(HasSubstr("hunter2")));
  EXPECT_THAT(*environ, HasSubstr("OTEL_RESOURCE_ATTRIBUTES="));
}

TEST(Inspect, OfDescriptorsOnlySocketsAndTheNumberOfRingsAreHandedOver) {
  DirectProc direct(kProc);
  EXPECT_EQ(*direct.read(2002, ProcFile::kRings), "2");
  EXPECT_EQ(*direct.read(1042, ProcFile::kRings), "");
  EXPECT_EQ(direct.read(4000, ProcFile::kRings).error().message,
            "open " + kProc + "/4000/fd: No such file or directory");
}

TEST(Catalog, LearnsPublishesAndCallsBack) {
  Fixture f;
  EXPECT_EQ(f.catalog->find(1042), nullptr);
  f.catalog->learn(1042);
  f.catalog->learn(2003);
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_EQ(service(f.catalog->wait_for(2001, 5s)), "app");
  EXPECT_EQ(service(f.catalog->find(1042)), "nginx");
  EXPECT_EQ(f.catalog->wait_for(4000, 5s), nullptr);
  EXPECT_EQ(f.catalog->wait_for(4000, 5s), nullptr);
  EXPECT_EQ(f.metric("telegen_discovery_inspection_failures_total"), 1)
      << "what is missing is not looked for each time";
  f.catalog->tick({1});
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_EQ(f.catalog->wait_for(4000, 5s), nullptr);
  EXPECT_EQ(f.metric("telegen_discovery_inspection_failures_total"), 2) << "but again after a tick";
  EXPECT_EQ(f.metric("telegen_discovery_processes"), 3);
  f.catalog.reset();
  EXPECT_THAT(f.learned, ElementsAre(std::pair(1042u, Matched::kYes), std::pair(2003u, Matched::kNo),
                                     std::pair(2001u, Matched::kYes)));
}

// Readiness follows from drain: a process that is known but not yet selected would lose its first requests.
TEST(Catalog, DrainWaitsForTheSelectionToo) {
  Fixture f;
  f.selection_takes = std::chrono::milliseconds(100);
  f.catalog->learn(1042);
  ASSERT_TRUE(f.catalog->drain(5s));
  const std::scoped_lock lock(f.mutex);
  EXPECT_EQ(f.learned.size(), 1U);
}

TEST(Catalog, AForkHasItsParentsFactsUnderItsOwnPid) {
  Fixture f;
  f.catalog->on_fork(2001, 1043);  // the parent is learned on the way
  f.catalog->on_fork(2001, 5000);  // gone before it could be looked at
  ASSERT_TRUE(f.catalog->drain(5s));
  const auto child = as_map(*f.catalog->find(1043));
  EXPECT_EQ(child.at("service.name"), "app");
  EXPECT_EQ(child.at("process.pid"), "#1043");
  EXPECT_EQ(child.at("service.instance.id"), make_instance_id(host().id, 1043, 123460));
  EXPECT_EQ(child.at("process.vpid"), "#29");
  const auto gone = as_map(*f.catalog->find(5000));
  EXPECT_EQ(gone.at("service.name"), "app");
  EXPECT_EQ(gone.at("process.pid"), "#5000");
  EXPECT_EQ(gone.at("process.parent_pid"), "#2001");
  f.catalog->on_exec(1043, {0}, "/usr/sbin/nginx");
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_EQ(service(f.catalog->find(1043)), "nginx") << "an exec makes it another program";
}

TEST(Catalog, AProcessSeenInTheMiddleOfAnExecIsLookedAtAgain) {
  const std::string root = ::testing::TempDir() + "telegen_exec_" + std::to_string(::getpid());
  std::filesystem::create_directories(root);
  std::filesystem::copy(kProc + "/2001", root + "/2001",
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  std::filesystem::resize_file(root + "/2001/cmdline", 0);
  MetricRegistry metrics;
  ProcessCatalog catalog({.proc_root = root}, host(), {}, std::make_unique<DirectProc>(root), metrics, {});
  EXPECT_EQ(service(catalog.wait_for(2001, 5s)), "python");
  std::filesystem::copy_file(kProc + "/2001/cmdline", root + "/2001/cmdline",
                             std::filesystem::copy_options::overwrite_existing);
  catalog.tick({1});
  ASSERT_TRUE(catalog.drain(5s));
  EXPECT_EQ(service(catalog.find(2001)), "app");
  EXPECT_FALSE(catalog.snapshot().at(2001)->look_again.has_value());
  std::filesystem::remove_all(root);
}

TEST(Catalog, ASnapshotNeverChanges) {
  Fixture f;
  f.catalog->learn(1042);
  ASSERT_TRUE(f.catalog->drain(5s));
  const auto before = f.catalog->snapshot();
  f.catalog->learn(2001);
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_EQ(before.size(), 1u);
  EXPECT_EQ(f.catalog->snapshot().size(), 2u);
}

TEST(Catalog, IsBoundedAndCountsWhatItForgets) {
  Fixture f({}, {.max_processes = 3});
  for (const std::uint32_t pid : {1042, 2001, 2002}) f.catalog->learn(pid);
  f.catalog->on_exit(2001, {1});
  f.catalog->learn(2003);
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_EQ(f.catalog->find(2001), nullptr) << "the exited one goes first";
  EXPECT_NE(f.catalog->find(1042), nullptr);
  EXPECT_EQ(f.metric("telegen_discovery_evicted_total"), 1);
  f.catalog->learn(1043);
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_EQ(f.catalog->find(1042), nullptr) << "then the oldest";
  EXPECT_EQ(f.catalog->snapshot().size(), 3u);
}

TEST(Catalog, AFullQueueDropsAndCounts) {
  Fixture f({}, {.max_requests = 0});
  f.catalog->learn(1042);
  EXPECT_EQ(f.catalog->wait_for(1042, 5s), nullptr);
  EXPECT_EQ(f.metric("telegen_discovery_requests_dropped_total"), 2);
}

TEST(Catalog, AnEntryOfTheSelectionNamesTheService) {
  const auto selection = compile_selection({.instrument = {{.pids = {"2002"}, .service_name = "operator"}}}, {},
                                           [](const std::string&) -> Result<std::uint64_t> { return 0; });
  Fixture f(*selection);
  EXPECT_EQ(service(f.catalog->wait_for(2002, 5s)), "operator");
  EXPECT_EQ(service(f.catalog->wait_for(1042, 5s)), "nginx");
}

TEST(Catalog, AListeningPortDecidesASelection) {
  const auto selection = compile_selection({.instrument = {{.open_ports = "8443"}}}, {},
                                           [](const std::string&) -> Result<std::uint64_t> { return 0; });
  Fixture f(*selection);
  f.catalog->learn(1042);
  f.catalog->on_listen(1042, 8443);
  f.catalog->on_listen(1042, 8443);  // known already
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_THAT(*f.catalog->snapshot().at(1042)->info.listening_ports, ElementsAre(80, 8443));
  f.catalog.reset();
  EXPECT_THAT(f.learned, ElementsAre(std::pair(1042u, Matched::kNo), std::pair(1042u, Matched::kYes)));
}

TEST(Catalog, StatusCountsAndNamesButShowsNoArguments) {
  Fixture f;
  for (const std::uint32_t pid : {1042, 1043, 2001, 2003}) f.catalog->learn(pid);
  f.catalog->on_exit(2001, {1});
  ASSERT_TRUE(f.catalog->drain(5s));
  const std::string text = discovery_status(f.catalog->snapshot(), "not seen");
  const nlohmann::json expected = {
      {"processes", 3},
      {"exited", 1},
      {"by_runtime", {{"unknown", 2}, {"java", 1}}},
      {"selected", {{"yes", 2}, {"no", 1}, {"unknown", 0}}},
      {"services",
       {{{"name", "nginx"}, {"namespace", ""}, {"language", "unknown"}, {"processes", 2}, {"pids", {1042, 1043}}}}},
      {"services_left_out", 0},
      {"io_uring", {{"processes", 0}, {"pids", nlohmann::json::array()}, {"partly_traced", nullptr}}}};
  EXPECT_EQ(nlohmann::json::parse(text), expected);
}

// Rings are looked for after all that was to be learned.
bool drain_with_rings(const Fixture& f) { return f.catalog->drain(5s) && f.catalog->drain(5s); }

nlohmann::json io_uring_of(const Fixture& f, const std::string& unseen) {
  return nlohmann::json::parse(discovery_status(f.catalog->snapshot(), unseen))["io_uring"];
}

nlohmann::json users(std::vector<std::uint32_t> pids, const nlohmann::json& partly_traced) {
  return {{"processes", pids.size()}, {"pids", std::move(pids)}, {"partly_traced", partly_traced}};
}

TEST(Catalog, ARingThatIsOlderIsFoundByItsDescriptor) {
  Fixture f;
  for (const std::uint32_t pid : {2001, 2002}) f.catalog->learn(pid);
  ASSERT_TRUE(drain_with_rings(f));
  EXPECT_EQ(io_uring_of(f, "not seen"), users({2002}, "not seen"));
  EXPECT_EQ(io_uring_of(f, ""), users({2002}, nullptr)) << "it is seen: nothing is missing";
}

TEST(Catalog, DescriptorsOfAProcessThatIsNotTracedAreNotLookedAt) {
  const auto selection = compile_selection({.instrument = {{.open_ports = "99"}}}, {},
                                           [](const std::string&) -> Result<std::uint64_t> { return 0; });
  Fixture f(*selection);
  f.catalog->learn(2002);
  ASSERT_TRUE(drain_with_rings(f));
  EXPECT_EQ(io_uring_of(f, "not seen"), users({}, nullptr));
  EXPECT_EQ(f.catalog->snapshot().at(2002)->info.io_uring, std::nullopt);
  f.catalog->on_listen(2002, 99);  // traced from here on, and its ring is older
  ASSERT_TRUE(drain_with_rings(f));
  EXPECT_EQ(io_uring_of(f, "not seen"), users({2002}, "not seen"));
}

TEST(Catalog, ARingThatIsMadeBelongsToItsMakerUntilThatExecutesAnotherProgramOrEnds) {
  Fixture f;
  f.catalog->learn(1042);
  f.catalog->on_ring(1042);
  f.catalog->on_ring(2001);  // not known before
  f.catalog->on_ring(4000);  // gone
  f.catalog->on_fork(1042, 1043);
  ASSERT_TRUE(drain_with_rings(f));
  EXPECT_EQ(io_uring_of(f, "not seen"), users({1042, 2001}, "not seen")) << "a child does not use its parent's";
  f.catalog->learn(1042);  // moved to another control group
  f.catalog->tick({1});    // looked at again
  f.catalog->on_exit(2001, {2});
  ASSERT_TRUE(drain_with_rings(f));
  EXPECT_EQ(io_uring_of(f, "not seen"), users({1042}, "not seen"));
  f.catalog->on_exec(1042, {3}, "/usr/sbin/nginx");
  ASSERT_TRUE(drain_with_rings(f));
  EXPECT_EQ(io_uring_of(f, "not seen"), users({}, nullptr));
}

TEST(Catalog, ManyThreadsMayAskAtOnce) {
  Fixture f;
  std::atomic<int> found{0};
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) {
          const std::uint32_t pid = i % 2 == 0 ? 1042 : 2001;
          if (f.catalog->wait_for(pid, 5s) != nullptr) ++found;
          f.catalog->on_fork(pid, 6000 + static_cast<std::uint32_t>(i));
          if (i % 10 == 0) f.catalog->tick({static_cast<std::uint64_t>(i)});
        }
      });
    }
  }
  EXPECT_EQ(found, 800);
  ASSERT_TRUE(f.catalog->drain(10s));
  EXPECT_EQ(f.catalog->snapshot().size(), 202u);
}

}  // namespace
}  // namespace telegen
