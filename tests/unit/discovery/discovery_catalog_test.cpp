#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "discovery/catalog.h"
#include "discovery/resource_builder.h"
#include "discovery/service.h"
#include "discovery/status.h"

namespace telegen {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

const std::string kProc = std::string(TELEGEN_TESTDATA) + "/discovery/proc";
const std::string kContainer = "3f1c8ae7b0d94c5e8f6a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f7a8b9c0";

HostInfo host() {
  return {.name = "box",
          .id = "0123456789abcdef0123456789abcdef",
          .arch = "amd64",
          .os_name = "Debian GNU/Linux",
          .os_version = "12",
          .os_description = "Debian GNU/Linux 12 (bookworm)",
          .boot = {1'700'000'000'000'000'000ULL},
          .ticks_per_second = 100};
}

Result<ProcessInfo> inspect(std::uint32_t pid) {
  const HostInfo h = host();
  DirectProc direct(kProc);
  ExecutableCache cache;
  return inspect_process({kProc, &h, &direct, &cache}, pid, true);
}

std::string as_text(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return "#" + std::to_string(*number);
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    std::string out;
    for (const auto& item : *list) out += "[" + item + "]";
    return out;
  }
  return "?";
}

std::map<std::string, std::string> as_map(const Resource& resource) {
  std::map<std::string, std::string> out;
  for (const auto& attribute : resource.attributes) {
    EXPECT_TRUE(out.emplace(attribute.key, as_text(attribute.value)).second) << "twice: " << attribute.key;
  }
  return out;
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

struct Fixture {
  explicit Fixture(Selection selection = {}, CatalogOptions options = {}) {
    options.proc_root = kProc;
    options.agent_version = "0.1.0";
    catalog =
        std::make_unique<ProcessCatalog>(options, host(), std::move(selection), std::make_unique<DirectProc>(kProc),
                                         metrics, [this](const ProcessInfo& info, const Decision& decision) {
                                           const std::scoped_lock lock(mutex);
                                           learned.emplace_back(info.pid, decision.selected);
                                         });
  }
  double metric(std::string_view name) const {
    double out = -1;
    metrics.visit([&](const MetricSample& sample) {
      if (sample.name == name) out = sample.value;
    });
    return out;
  }
  MetricRegistry metrics;
  std::mutex mutex;
  std::vector<std::pair<std::uint32_t, Matched>> learned;
  std::unique_ptr<ProcessCatalog> catalog;  // last: its thread uses the rest
};

std::string service(const ResourcePtr& resource) { return resource ? as_map(*resource).at("service.name") : "(null)"; }

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

TEST(Catalog, ExitedProcessesStayForFiveMinutes) {
  Fixture f;
  f.catalog->learn(1042);
  f.catalog->on_exit(1042, {1'000});
  f.catalog->on_exit(77, {1'000});  // never known
  f.catalog->tick(Time{999} + 5min);
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_EQ(service(f.catalog->find(1042)), "nginx");
  f.catalog->tick(Time{1'000} + 5min);
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_EQ(f.catalog->find(1042), nullptr);
}

TEST(Catalog, AProcessSeenInTheMiddleOfAnExecIsLookedAtAgain) {
  const std::string root = ::testing::TempDir() + "telegen_exec_" + std::to_string(::getpid());
  std::filesystem::create_directories(root);
  std::filesystem::copy(kProc + "/2001", root + "/2001",
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  std::filesystem::resize_file(root + "/2001/cmdline", 0);
  MetricRegistry metrics;
  ProcessCatalog catalog({.proc_root = root}, host(), {}, std::make_unique<DirectProc>(root), metrics, nullptr);
  EXPECT_EQ(service(catalog.wait_for(2001, 5s)), "python");
  std::filesystem::copy_file(kProc + "/2001/cmdline", root + "/2001/cmdline",
                             std::filesystem::copy_options::overwrite_existing);
  catalog.tick({1});
  ASSERT_TRUE(catalog.drain(5s));
  EXPECT_EQ(service(catalog.find(2001)), "app");
  EXPECT_FALSE(catalog.snapshot()->at(2001)->look_again.has_value());
  std::filesystem::remove_all(root);
}

TEST(Catalog, AProcessThatIsGoneIsKnownByWhatItExecuted) {
  Fixture f;
  f.catalog->on_fork(2001, 5000);
  f.catalog->on_exec(5000, {77}, "/usr/bin/curl");
  f.catalog->on_exit(5000, {99});
  f.catalog->on_exec(5001, {78}, "./bin/a-name-of-twenty-bytes");
  f.catalog->on_exec(5002, {79}, "/srv/jobs/nightly.sh");
  f.catalog->on_exec(5003, {80}, "/dev/fd/3");
  f.catalog->on_exec(5004, {81}, "");
  ASSERT_TRUE(f.catalog->drain(5s));
  const auto all = f.catalog->snapshot();
  ASSERT_EQ(all->size(), 6u);

  ProcessInfo expected = all->at(2001)->info;
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
  EXPECT_EQ(all->at(5000)->info, expected) << "its program and its environment are its own";
  EXPECT_EQ(all->at(5000)->exited, Time{99});
  EXPECT_FALSE(all->at(5000)->look_again.has_value());
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
  EXPECT_EQ(as_map(*all->at(5000)->resource), resource);

  EXPECT_EQ(all->at(5001)->info.service.name, "a-name-of-twenty-bytes");
  EXPECT_EQ(all->at(5001)->info.name, "a-name-of-twent");
  EXPECT_EQ(all->at(5001)->info.exe_path, "") << "relative to a folder that is not known";
  EXPECT_EQ(all->at(5001)->exited, Time{78}) << "its exit may have been lost";
  EXPECT_EQ(all->at(5002)->info.service.name, "nightly");
  EXPECT_EQ(all->at(5003)->info.service.name, "unknown_service");
  EXPECT_EQ(all->at(5004)->info.service.name, "unknown_service");
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
  const auto entry = f.catalog->snapshot()->at(5000);
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
  ProcessCatalog catalog({.proc_root = root}, host(), {}, std::make_unique<DirectProc>(root), metrics, nullptr);
  catalog.on_exec(2001, {5}, "/ignored");
  ASSERT_TRUE(catalog.drain(5s));
  EXPECT_FALSE(catalog.snapshot()->at(2001)->info.partial);
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
  const auto entry = catalog.snapshot()->at(2001);
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

// Holds whoever reads until it is let go, and remembers whose files were read.
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
      if (shared_.order.empty() || shared_.order.back() != pid) shared_.order.push_back(pid);
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
  ProcessCatalog catalog({.proc_root = kProc}, host(), {}, std::make_unique<Gate>(shared), metrics, nullptr);
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
  EXPECT_EQ(catalog.snapshot()->at(2003)->exited, Time{2});
}

TEST(Catalog, ASnapshotNeverChanges) {
  Fixture f;
  f.catalog->learn(1042);
  ASSERT_TRUE(f.catalog->drain(5s));
  const auto before = f.catalog->snapshot();
  f.catalog->learn(2001);
  ASSERT_TRUE(f.catalog->drain(5s));
  EXPECT_EQ(before->size(), 1u);
  EXPECT_EQ(f.catalog->snapshot()->size(), 2u);
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
  EXPECT_EQ(f.catalog->snapshot()->size(), 3u);
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
  EXPECT_THAT(*f.catalog->snapshot()->at(1042)->info.listening_ports, ElementsAre(80, 8443));
  f.catalog.reset();
  EXPECT_THAT(f.learned, ElementsAre(std::pair(1042u, Matched::kNo), std::pair(1042u, Matched::kYes)));
}

TEST(Catalog, StatusCountsAndNamesButShowsNoArguments) {
  Fixture f;
  for (const std::uint32_t pid : {1042, 1043, 2001, 2003}) f.catalog->learn(pid);
  f.catalog->on_exit(2001, {1});
  ASSERT_TRUE(f.catalog->drain(5s));
  const std::string text = discovery_status(*f.catalog->snapshot());
  const nlohmann::json expected = {
      {"processes", 3},
      {"exited", 1},
      {"by_runtime", {{"unknown", 2}, {"java", 1}}},
      {"selected", {{"yes", 2}, {"no", 1}, {"unknown", 0}}},
      {"services",
       {{{"name", "nginx"}, {"namespace", ""}, {"language", "unknown"}, {"processes", 2}, {"pids", {1042, 1043}}}}},
      {"services_left_out", 0}};
  EXPECT_EQ(nlohmann::json::parse(text), expected);
}

TEST(Catalog, ManyThreadsMayAskAtOnce) {
  Fixture f;
  std::atomic<int> found{0};
  {
    std::vector<std::jthread> threads;
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
  EXPECT_EQ(f.catalog->snapshot()->size(), 202u);
}

}  // namespace
}  // namespace telegen
