// Real programs, started here, inspected here, ended here. Nothing else of this machine's /proc is looked at.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "discovery/catalog.h"
#include "discovery/inspect.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;

constexpr const char* kAsTheEmulator =
    "in an emulator of single programs a child is seen as the emulator before its exec";

// A child that is ended, by its own pid, when the test is over.
class Child {
 public:
  Child(std::vector<std::string> args, std::vector<std::string> environment, const std::string& cwd) {
    std::vector<char*> argv, envp;
    for (auto& arg : args) argv.push_back(arg.data());
    for (auto& variable : environment) envp.push_back(variable.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addchdir_np(&actions, cwd.c_str());
    if (::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), envp.data()) != 0) pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  bool started() const { return pid_ > 0; }
  std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }

 private:
  pid_t pid_ = -1;
};

class Live : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "telegen_live_" + std::to_string(::getpid()) + "/orders";
    std::filesystem::create_directories(folder_);
    host_ = read_host();
  }
  void TearDown() override { std::filesystem::remove_all(std::filesystem::path(folder_).parent_path()); }

  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  static std::vector<std::uint16_t> ports_of(const ProcessInfo& process) {
    return process.listening_ports.value_or(std::vector<std::uint16_t>{});
  }
  // Interpreters may be reached through wrappers that exec: looks until `language` is seen, at most 20 s.
  Result<ProcessInfo> look(std::uint32_t pid, Language language, bool ports = false) {
    Result<ProcessInfo> out = fail("never looked");
    for (int i = 0; i < 400; ++i) {
      out = inspect_process({"/proc", &host_, &direct_, &cache_}, pid, ports);
      // posix_spawn returns in the middle of the child's execve, before its arguments and environment are to be seen.
      const bool there = out && !out->args.empty() && out->runtime.language == language;
      if (there && (!ports || !ports_of(*out).empty())) break;
      std::this_thread::sleep_for(50ms);
    }
    return out;
  }
  static std::vector<std::string> environment(std::vector<std::string> more = {}) {
    for (const char* name : {"PATH", "HOME"}) {  // what the programs need to start, nothing else
      if (const char* value = std::getenv(name)) more.push_back(std::string(name) + "=" + value);
    }
    return more;
  }
  // qemu-user, by ctest of a cross build: its posix_spawn forks, and does not wait for the child's exec.
  static bool emulated() { return std::getenv("TELEGEN_EMULATED") != nullptr; }
  static bool on_path(const std::string& program) {
    const std::string test = "command -v " + program + " >/dev/null 2>&1";
    return std::system(test.c_str()) == 0;
  }

  std::string folder_;
  HostInfo host_;
  DirectProc direct_;
  ExecutableCache cache_;
};

TEST_F(Live, PythonWithItsPortAndItsEnvironment) {
  if (!on_path("python3")) GTEST_SKIP() << "no python3";
  write("app.py",
        "import socket, time\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()\n"
        "open('port', 'w').write(str(s.getsockname()[1]) + '\\n')\ntime.sleep(60)\n");
  const Child child({"python3", "-u", "app.py"},
                    environment({"SECRET=x", "OTEL_RESOURCE_ATTRIBUTES=service.namespace=shop"}), folder_);
  ASSERT_TRUE(child.started());
  const auto p = look(child.pid(), Language::kPython, true);
  ASSERT_TRUE(p.has_value()) << p.error().message;
  EXPECT_EQ(p->service.name, "app");
  EXPECT_EQ(p->service.name_space, "shop");
  EXPECT_EQ(p->parent, static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(p->runtime.name, "cpython");
  EXPECT_TRUE(p->runtime.version.starts_with("3.")) << p->runtime.version;
  EXPECT_EQ(p->effective_uid, ::geteuid());
  EXPECT_NE(p->net_namespace, 0u);
  const auto age = std::chrono::nanoseconds(static_cast<std::int64_t>(unix_now().ns - p->start.ns));
  EXPECT_GT(age, -1s);
  EXPECT_LT(age, 60s);
  std::uint16_t port = 0;
  for (int i = 0; i < 100 && port == 0; ++i) {
    std::ifstream(folder_ + "/port") >> port;
    if (port == 0) std::this_thread::sleep_for(50ms);
  }
  EXPECT_THAT(ports_of(*p), ::testing::ElementsAre(port));
}

TEST_F(Live, NodeByItsProjectsFolder) {
  if (!on_path("node")) GTEST_SKIP() << "no node";
  write("index.js", "setTimeout(() => {}, 60000)\n");
  const Child child({"node", "index.js"}, environment(), folder_);
  ASSERT_TRUE(child.started());
  const auto p = look(child.pid(), Language::kNodejs);
  ASSERT_TRUE(p.has_value()) << p.error().message;
  EXPECT_EQ(p->runtime.language, Language::kNodejs);
  EXPECT_EQ(p->service.name, "orders");
}

TEST_F(Live, JavaByItsSource) {
  if (!on_path("java")) GTEST_SKIP() << "no java";
  write("Shop.java", "class Shop { public static void main(String[] a) throws Exception { Thread.sleep(60000); } }\n");
  const Child child({"java", "Shop.java"}, environment(), folder_);
  ASSERT_TRUE(child.started());
  const auto p = look(child.pid(), Language::kJava);
  ASSERT_TRUE(p.has_value()) << p.error().message;
  EXPECT_EQ(p->runtime.language, Language::kJava);
  EXPECT_EQ(p->service.name, "Shop");
}

TEST_F(Live, GoByItsBuildInformationUnderAnyName) {
  if (!on_path("go")) GTEST_SKIP() << "no go";
  write("main.go", "package main\n\nimport \"time\"\n\nfunc main() { time.Sleep(time.Minute) }\n");
  const std::string build = "cd '" + folder_ + "' && GO111MODULE=off go build -ldflags='-s -w' -o node main.go";
  if (std::system(build.c_str()) != 0) GTEST_SKIP() << "go does not build here";
  const Child child({folder_ + "/node"}, environment({"OTEL_SERVICE_NAME=billing"}), folder_);
  ASSERT_TRUE(child.started());
  const auto p = look(child.pid(), Language::kGo);
  ASSERT_TRUE(p.has_value()) << p.error().message;
  EXPECT_EQ(p->runtime.language, Language::kGo);
  EXPECT_EQ(p->runtime.name, "go");
  EXPECT_TRUE(p->runtime.version.starts_with("1.")) << p->runtime.version;
  EXPECT_EQ(p->service.name, "billing");
  EXPECT_EQ(p->exe_path, folder_ + "/node");
}

TEST_F(Live, RustByWhatItsCompilerLeft) {
  if (!on_path("rustc")) GTEST_SKIP() << "no rustc";
  write("main.rs", "fn main() { std::thread::sleep(std::time::Duration::from_secs(60)); }\n");
  const std::string build = "cd '" + folder_ + "' && rustc -C strip=symbols -o billing main.rs 2>/dev/null";
  if (std::system(build.c_str()) != 0) GTEST_SKIP() << "rustc does not build here";
  const Child child({folder_ + "/billing"}, environment(), folder_);
  ASSERT_TRUE(child.started());
  const auto p = look(child.pid(), Language::kRust);
  ASSERT_TRUE(p.has_value()) << p.error().message;
  EXPECT_EQ(p->runtime.language, Language::kRust);
  EXPECT_EQ(p->service.name, "billing");
}

TEST_F(Live, ANativeProgramAndOneReadForAllOfItsProcesses) {
  if (emulated()) GTEST_SKIP() << kAsTheEmulator;
  const Child one({"sleep", "60"}, environment(), folder_), two({"sleep", "60"}, environment(), folder_);
  ASSERT_TRUE(one.started() && two.started());
  const auto p = look(one.pid(), Language::kCpp);
  ASSERT_TRUE(p.has_value()) << p.error().message;
  EXPECT_EQ(p->service.name, "sleep");
  EXPECT_EQ(p->runtime, (Runtime{Language::kCpp, "", ""}));
  const std::uint64_t read_before = cache_.files_read();
  ASSERT_TRUE(look(two.pid(), Language::kCpp).has_value());
  EXPECT_EQ(cache_.files_read(), read_before);
}

TEST_F(Live, AVanishedProcessIsAnError) {
  std::uint32_t pid = 0;
  {
    const Child child({"sleep", "60"}, environment(), folder_);
    ASSERT_TRUE(child.started());
    pid = child.pid();
  }
  const auto p = inspect_process({"/proc", &host_, &direct_, &cache_}, pid, false);
  ASSERT_FALSE(p.has_value());
  EXPECT_EQ(p.error().message, "open /proc/" + std::to_string(pid) + "/stat: No such file or directory");
}

TEST_F(Live, TwoHundredProcessesThatEndAtOnceAllHaveAName) {
  if (emulated()) GTEST_SKIP() << kAsTheEmulator;
  MetricRegistry metrics;
  ProcessCatalog catalog({.agent_version = "0.1.0"}, host_, {}, std::make_unique<DirectProc>(), metrics, {});
  std::vector<std::uint32_t> pids;
  for (int i = 0; i < 200; ++i) {
    const Child child({"/bin/true"}, environment(), folder_);  // ended and reaped before the next is started
    ASSERT_TRUE(child.started());
    pids.push_back(child.pid());
    catalog.on_fork(static_cast<std::uint32_t>(::getpid()), child.pid());
    catalog.on_exec(child.pid(), monotonic_now(), "/bin/true");
    catalog.on_exit(child.pid(), monotonic_now());
  }
  ASSERT_TRUE(catalog.drain(20s));
  const auto all = catalog.snapshot();
  std::size_t partial = 0;
  for (const std::uint32_t pid : pids) {
    ASSERT_TRUE(all.contains(pid));
    const CatalogEntry& entry = *all.at(pid);
    EXPECT_TRUE(entry.exited.has_value());
    const auto value = [&](std::string_view key) -> Value {
      for (const OwnedAttribute& one : entry.resource->attributes) {
        if (one.key == key) return one.value;
      }
      return false;  // no attribute here is a truth value
    };
    EXPECT_EQ(value("service.name"), Value(std::string("true")));
    EXPECT_EQ(value("process.parent_pid"), Value(static_cast<std::int64_t>(::getpid())));
    EXPECT_NE(value("service.instance.id"), Value(false));
    EXPECT_NE(value("host.name"), Value(false));
    EXPECT_NE(value("process.executable.path"), Value(false));
    if (entry.info.partial) ++partial;
  }
  RecordProperty("partial", static_cast<int>(partial));
}

// How long it takes from the word of an exec until its name is there to be seen.
TEST_F(Live, AnExecIsLookedAtWithinMilliseconds) {
  if (emulated()) GTEST_SKIP() << "an emulator tells nothing about time";
  MetricRegistry metrics;
  ProcessCatalog catalog({.agent_version = "0.1.0"}, host_, {}, std::make_unique<DirectProc>(), metrics, {});
  std::vector<Duration> took;
  for (int i = 0; i < 50; ++i) {
    const Child child({"sleep", "60"}, environment(), folder_);
    ASSERT_TRUE(child.started());
    const Time asked = monotonic_now();
    catalog.on_exec(child.pid(), asked, "/usr/bin/sleep");
    ASSERT_TRUE(catalog.drain(5s));
    took.push_back(monotonic_now() - asked);
    EXPECT_FALSE(catalog.snapshot().at(child.pid())->info.partial);
  }
  std::ranges::sort(took);
  const auto median = std::chrono::duration_cast<std::chrono::microseconds>(took[took.size() / 2]);
  RecordProperty("median_us", static_cast<int>(median.count()));
  EXPECT_LT(median, 20ms) << "sanitizers and a busy machine included";
}

TEST_F(Live, AMegabyteOfArgumentsIsCutAndStillNamed) {
  if (emulated()) GTEST_SKIP() << kAsTheEmulator;
  std::vector<std::string> args = {"sleep", "60"};
  for (int i = 0; i < 20; ++i) args.push_back("0." + std::string(50'000, '0'));
  const Child child(args, environment(), folder_);
  ASSERT_TRUE(child.started());
  const auto p = look(child.pid(), Language::kCpp);
  ASSERT_TRUE(p.has_value());
  EXPECT_EQ(p->service.name, "sleep");
  std::size_t kept = 0;
  for (const auto& arg : p->args) kept += arg.size() + 1;
  EXPECT_LE(kept, 4096u);
  ASSERT_GE(p->args.size(), 2u);
  EXPECT_EQ(p->args[1], "60");
}

}  // namespace
}  // namespace telegen
