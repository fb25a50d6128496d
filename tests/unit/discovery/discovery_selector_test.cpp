#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "discovery/candidates.h"
#include "discovery/selector.h"
#include "discovery/settings.h"

namespace telegen {
namespace {

using ::testing::ElementsAre;

Result<std::uint64_t> no_files(const std::string& path) { return fail("stat " + path + ": No such file or directory"); }

ProcessInfo python() {
  ProcessInfo out;
  out.pid = 1042;
  out.exe_path = "/usr/bin/python3.11";
  out.args = {"python3", "app.py", "--port", "80"};
  out.cgroups = {{"", "/test/inner"}};
  out.net_namespace = 4026531840;
  out.runtime.language = Language::kPython;
  out.listening_ports = {80, 8080};
  return out;
}

Selection compile(const DiscoverySettings& settings) {
  auto out = compile_selection(settings, {{"", "/sys/fs/cgroup", ""}}, no_files);
  if (!out) {
    for (const auto& error : out.error()) ADD_FAILURE() << error.key << ": " << error.message;
    return {};
  }
  return std::move(*out);
}

Matched match(const SelectorSettings& entry, const ProcessInfo& process) {
  const Selection selection = compile({.instrument = {entry}});
  return selection.instrument.size() == 1 ? matches(selection.instrument[0], process) : Matched::kUnknown;
}

TEST(Selector, EachKeyDecides) {
  const ProcessInfo p = python();
  const std::vector<std::pair<SelectorSettings, SelectorSettings>> yes_and_no = {
      {{.open_ports = "1-79,80"}, {.open_ports = "81-8079"}},
      {{.exe_path = "*/python3*"}, {.exe_path = "python3"}},
      {{.cmdline = "*app.py*"}, {.cmdline = "app.py"}},
      {{.pids = {"7", "1042"}}, {.pids = {"7"}}},
      {{.cgroup = "/test"}, {.cgroup = "/tes"}},
      {{.cgroup = "/sys/fs/cgroup/test/inner/"}, {.cgroup = "/sys/fs/cgroup/other"}},
      {{.netns = "net:[4026531840]"}, {.netns = "4026531841"}},
      {{.languages = {"go", "python"}}, {.languages = {"java"}}},
  };
  for (const auto& [yes, no] : yes_and_no) {
    EXPECT_EQ(match(yes, p), Matched::kYes) << yes.open_ports << yes.exe_path << yes.cmdline << yes.cgroup << yes.netns;
    EXPECT_EQ(match(no, p), Matched::kNo) << no.open_ports << no.exe_path << no.cmdline << no.cgroup << no.netns;
  }
  ProcessInfo contained = p;
  contained.container.id = "x";
  EXPECT_EQ(match({.containers_only = true}, p), Matched::kNo);
  EXPECT_EQ(match({.containers_only = true}, contained), Matched::kYes);
}

TEST(Selector, WhatIsNotKnownYetIsUnknownUnlessAnotherKeySaysNo) {
  ProcessInfo p = python();
  p.listening_ports.reset();
  EXPECT_EQ(match({.open_ports = "80"}, p), Matched::kUnknown);
  EXPECT_EQ(match({.open_ports = "80", .exe_path = "*python*"}, p), Matched::kUnknown);
  EXPECT_EQ(match({.open_ports = "80", .exe_path = "*ruby*"}, p), Matched::kNo);
  const ProcessInfo nothing{.pid = 5};
  EXPECT_EQ(match({.exe_path = "*"}, nothing), Matched::kUnknown);
  EXPECT_EQ(match({.cmdline = "*"}, nothing), Matched::kUnknown);
  EXPECT_EQ(match({.cgroup = "/x"}, nothing), Matched::kUnknown);
  EXPECT_EQ(match({.netns = "1"}, nothing), Matched::kUnknown);
  EXPECT_EQ(match({.languages = {"go"}}, nothing), Matched::kUnknown);
}

TEST(Decide, ExclusionWinsAndSaysWhy) {
  ProcessInfo p = python();
  EXPECT_EQ(decide(compile({}), p).selected, Matched::kYes) << "no entry: every process";
  EXPECT_EQ(decide(compile({.exclude_instrument = {{.exe_path = "*python*"}}}), p).excluded_by, ExcludedBy::kRule);
  EXPECT_EQ(decide(compile({.instrument = {{.pids = {"1"}}}}), p).excluded_by, ExcludedBy::kNotSelected);
  Selection own = compile({.default_exclude = false});
  own.own_pids = {p.pid};
  EXPECT_EQ(decide(own, p).excluded_by, ExcludedBy::kAgentItself);
  p.sends_otlp_traces = true;
  EXPECT_EQ(decide(compile({}), p).excluded_by, ExcludedBy::kOtelInstrumented);
  EXPECT_EQ(decide(compile({.exclude_otel_instrumented = false}), p).selected, Matched::kYes);
  p.sends_otlp_traces = false;
  p.exe_path = "/usr/bin/otelcol-contrib";
  EXPECT_EQ(decide(compile({}), p).excluded_by, ExcludedBy::kKnownAgent);
  EXPECT_EQ(decide(compile({.default_exclude = false}), p).selected, Matched::kYes);
  p.kernel_thread = true;
  EXPECT_EQ(decide(compile({.default_exclude = false}), p).selected, Matched::kNo);
}

TEST(Decide, EntriesAreOredAndTheFirstThatMatchesNames) {
  const Selection selection = compile({.instrument = {{.pids = {"1"}, .service_name = "a"},
                                                      {.exe_path = "*python*", .service_name = "b"},
                                                      {.cmdline = "*", .service_name = "c"}}});
  EXPECT_EQ(decide(selection, python()).service_name, "b");
  ProcessInfo unknown = python();
  unknown.listening_ports.reset();
  EXPECT_EQ(decide(compile({.exclude_instrument = {{.open_ports = "80"}}}), unknown).selected, Matched::kUnknown);
}

TEST(Compile, EveryErrorIsNamed) {
  const DiscoverySettings wrong = {
      .instrument = {{},
                     {.open_ports = "80,x", .exe_path = "[", .pids = {"0", "12a", "99999999"}, .cgroup = "relative"},
                     {.open_ports = "9-8", .netns = "/run/netns/blue", .languages = {"cobol"}},
                     {.open_ports = "65536", .cgroup = "/a/../b", .netns = "net:[x]"}},
      .exclude_instrument = {{.cmdline = "a\\"}}};
  const auto compiled = compile_selection(wrong, {}, no_files);
  ASSERT_FALSE(compiled.has_value());
  std::vector<std::string> said;
  for (const auto& error : compiled.error()) said.push_back(error.key + ": " + error.message);
  const std::string port = "is not a port (1 to 65535) or a range of ports such as 8000-8999";
  EXPECT_THAT(
      said,
      ElementsAre(
          "discovery.instrument[0]: the entry asks for nothing; name at least one key, such as exe_path or open_ports",
          "discovery.instrument[1].open_ports: 'x' " + port,
          "discovery.instrument[1].exe_path: '[' is not closed by ']'",
          "discovery.instrument[1].pids: '0' is not a process id",
          "discovery.instrument[1].pids: '12a' is not a process id",
          "discovery.instrument[1].pids: '99999999' is not a process id",
          "discovery.instrument[1].cgroup: 'relative' is not an absolute path without '..'",
          "discovery.instrument[2].open_ports: the range '9-8' ends before it starts",
          "discovery.instrument[2].netns: stat /run/netns/blue: No such file or directory",
          "discovery.instrument[2].languages: 'cobol' is not one of go, java, python, nodejs, dotnet, ruby, php, "
          "rust, cpp",
          "discovery.instrument[3].open_ports: '65536' " + port,
          "discovery.instrument[3].cgroup: '/a/../b' is not an absolute path without '..'",
          "discovery.instrument[3].netns: 'net:[x]' is not an inode number, net:[…] or an absolute path",
          "discovery.exclude_instrument[0].cmdline: '\\' at the end escapes nothing"));
}

TEST(Option, OneKeyOneEntry) {
  EXPECT_EQ(*parse_instrument_option("open_ports=80,8000-8999"), (SelectorSettings{.open_ports = "80,8000-8999"}));
  EXPECT_EQ(*parse_instrument_option("exe_path=/a=b"), (SelectorSettings{.exe_path = "/a=b"}));
  EXPECT_EQ(*parse_instrument_option("cmdline=*x*"), (SelectorSettings{.cmdline = "*x*"}));
  EXPECT_EQ(*parse_instrument_option("pids=1, 2"), (SelectorSettings{.pids = {"1", "2"}}));
  EXPECT_EQ(*parse_instrument_option("cgroup=/x"), (SelectorSettings{.cgroup = "/x"}));
  EXPECT_EQ(*parse_instrument_option("netns=5"), (SelectorSettings{.netns = "5"}));
  EXPECT_EQ(*parse_instrument_option("languages=go,java"), (SelectorSettings{.languages = {"go", "java"}}));
  EXPECT_EQ(*parse_instrument_option("containers_only=true"), (SelectorSettings{.containers_only = true}));
  for (const char* wrong : {"cgroup", "cgroup=", "=x", "", "containers_only=false", "k8s_pod_name=x", "pid=1"}) {
    const auto parsed = parse_instrument_option(wrong);
    ASSERT_FALSE(parsed.has_value()) << wrong;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kConfiguration);
    EXPECT_TRUE(parsed.error().message.starts_with("--instrument " + std::string(wrong) + ": "))
        << parsed.error().message;
  }
}

class CandidatesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "telegen_candidates_" + std::to_string(::getpid());
    group("cgroup/test", "11\n12\n");
    group("cgroup/test/inner", "13\n0\nx\n");
    group("cgroup/test-2", "14\n");
    std::filesystem::create_directories(root_ + "/proc/15");
    std::filesystem::create_directories(root_ + "/proc/self");
    mounts_ = {{"", root_ + "/cgroup", ""}};
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void group(const std::string& name, const std::string& procs) {
    std::filesystem::create_directories(root_ + "/" + name);
    std::ofstream(root_ + "/" + name + "/cgroup.procs") << procs;
  }
  Result<Candidates> find(const std::vector<SelectorSettings>& entries, const std::string& proc) {
    return candidates(compile_selection({.instrument = entries}, mounts_, no_files)->instrument, mounts_, proc);
  }
  std::string root_;
  std::vector<CgroupMount> mounts_;
};

TEST_F(CandidatesTest, AScopedSelectionNeverListsProc) {
  const std::string nowhere = root_ + "/no-proc-here";  // listing it would fail
  const auto found = find({{.cgroup = "/test"}, {.pids = {"99"}}}, nowhere);
  ASSERT_TRUE(found.has_value());
  EXPECT_THAT(found->pids, ElementsAre(11, 12, 13, 99));
  EXPECT_FALSE(found->whole_host);
  EXPECT_FALSE(found->truncated);
  const auto not_there_yet = find({{.cgroup = "/later"}}, nowhere);
  ASSERT_TRUE(not_there_yet.has_value());
  EXPECT_TRUE(not_there_yet->pids.empty());
}

TEST_F(CandidatesTest, OneEntryWithoutScopeAsksForTheWholeHost) {
  const auto found = find({{.cgroup = "/test"}, {.exe_path = "*"}}, root_ + "/proc");
  ASSERT_TRUE(found.has_value());
  EXPECT_THAT(found->pids, ElementsAre(15));
  EXPECT_TRUE(found->whole_host);
  EXPECT_TRUE(find({}, root_ + "/proc")->whole_host);
  EXPECT_EQ(find({}, root_ + "/none").error().message, "open " + root_ + "/none: No such file or directory");
}

TEST_F(CandidatesTest, StopAtTheLimitAndSaySo) {
  const auto found = candidates(compile_selection({.instrument = {{.cgroup = "/test"}}}, mounts_, no_files)->instrument,
                                mounts_, root_, 2);
  EXPECT_EQ(found->pids.size(), 2u);
  EXPECT_TRUE(found->truncated);
}

}  // namespace
}  // namespace telegen
