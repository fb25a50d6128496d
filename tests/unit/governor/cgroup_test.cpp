// Control groups of version 1 and 2, in and out of a namespace: formats, and whole trees as they look to a process.
#include "governor/cgroup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/random.h"
#include "governor/cgroup_files.h"
#include "governor/settings.h"

namespace telegen {
namespace {

constexpr std::uint64_t kMi = 1 << 20;
constexpr const char* kV2Mount = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* kV1Mounts =
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

TEST(CgroupFormats, Limits) {
  EXPECT_EQ(parse_memory_limit("max\n"), std::nullopt);
  EXPECT_EQ(parse_memory_limit("134217728\n"), 128 * kMi);
  EXPECT_EQ(parse_memory_limit("9223372036854771712\n"), std::nullopt) << "version 1 without a limit, pages of 4 KiB";
  EXPECT_EQ(parse_memory_limit("9223372036854710272\n"), std::nullopt) << "the same with pages of 64 KiB";
  EXPECT_EQ(parse_memory_limit(""), std::nullopt);
  EXPECT_EQ(parse_memory_limit("12 34"), std::nullopt);
  EXPECT_EQ(parse_cpu_max("20000 100000\n"), 0.2);
  EXPECT_EQ(parse_cpu_max("max 100000\n"), std::nullopt);
  EXPECT_EQ(parse_cpu_max("20000"), std::nullopt);
  EXPECT_EQ(parse_cfs("150000\n", "100000\n"), 1.5);
  EXPECT_EQ(parse_cfs("-1\n", "100000\n"), std::nullopt);
  EXPECT_EQ(parse_cfs("150000\n", "0\n"), std::nullopt);
  EXPECT_EQ(parse_stat_value("anon 5\nfile 7\ninactive_file 9\n", "inactive_file"), 9U);
  EXPECT_EQ(parse_stat_value("inactive_file_x 9\n", "inactive_file"), std::nullopt);
}

TEST(CgroupFormats, TheControllersPlace) {
  const auto v2 = find_controller("0::/system.slice/telegen.service\n", kV2Mount, "memory");
  ASSERT_TRUE(v2.has_value());
  EXPECT_EQ(v2->version, 2);
  EXPECT_EQ(v2->directory, "/sys/fs/cgroup/system.slice/telegen.service");
  EXPECT_EQ(with_ancestors(*v2), (std::vector<std::string>{"/sys/fs/cgroup/system.slice/telegen.service",
                                                           "/sys/fs/cgroup/system.slice", "/sys/fs/cgroup"}));
  const auto v1 = find_controller("4:memory:/docker/ab\n1:cpu,cpuacct:/docker/ab\n0::/\n", kV1Mounts, "memory");
  ASSERT_TRUE(v1.has_value());
  EXPECT_EQ(v1->version, 1);
  EXPECT_EQ(v1->directory, "/sys/fs/cgroup/memory/docker/ab");
  EXPECT_EQ(find_controller("4:memory:/docker/ab\n1:cpu,cpuacct:/docker/ab\n0::/\n", kV1Mounts, "cpu")->directory,
            "/sys/fs/cgroup/cpu,cpuacct/docker/ab");
  EXPECT_FALSE(find_controller("4:memory:/docker/ab\n", kV2Mount, "memory").has_value());
}

TEST(CgroupFormats, APlaceThatIsSeenInPart) {
  // Version 1 in a container without a namespace: the mount shows the container's group, the path starts at the top.
  const std::string bound = "33 31 0:30 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
  EXPECT_EQ(find_controller("4:memory:/docker/ab\n", bound, "memory")->directory, "/sys/fs/cgroup/memory");
  EXPECT_EQ(find_controller("4:memory:/docker/ab/c\n", bound, "memory")->directory, "/sys/fs/cgroup/memory/c");
  EXPECT_EQ(find_controller("4:memory:/docker/abc\n", bound, "memory")->directory, "/sys/fs/cgroup/memory");
  // A path outside of the namespace's root.
  EXPECT_EQ(find_controller("0::/../other\n", kV2Mount, "memory")->directory, "/sys/fs/cgroup");
  // A mount point with a space.
  const std::string spaced = "30 24 0:26 / /mnt/c\\040g rw - cgroup2 none rw\n";
  EXPECT_EQ(find_controller("0::/a\n", spaced, "memory")->directory, "/mnt/c g/a");
}

TEST(CgroupFormats, AnyBytesAreSafe) {
  Random random(3);
  const std::string texts[] = {kV1Mounts, kV2Mount, "4:memory:/docker/ab\n1:cpu,cpuacct:/d\n0::/a/b\n"};
  for (int round = 0; round < 5000; ++round) {
    std::string mounts = texts[random.next() % 2];
    std::string cgroup = texts[2];
    for (std::string* text : {&mounts, &cgroup}) {
      text->resize(random.next() % (text->size() + 1));
      for (int i = 0; i < 3 && !text->empty(); ++i) {
        (*text)[random.next() % text->size()] = static_cast<char>(random.next());
      }
    }
    const auto place = find_controller(cgroup, mounts, "memory");
    if (!place) continue;
    const auto directories = with_ancestors(*place);
    EXPECT_TRUE(place->directory.starts_with(place->mount));
    EXPECT_EQ(directories.front(), place->directory);
    EXPECT_LE(directories.back().size(), place->mount.size());
    EXPECT_LE(directories.size(), place->directory.size() + 1);
  }
}

// A tree of files below a directory of its own.
class Tree : public ::testing::Test {
 protected:
  Tree()
      : root_(std::filesystem::path(TELEGEN_BUILD_DIR) / "tree" /
              ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(root_);
  }
  void make(const std::map<std::string, std::string>& files) {
    for (const auto& [path, text] : files) {
      const std::filesystem::path file(root_.native() + path);
      std::filesystem::create_directories(file.parent_path());
      std::ofstream(file) << text;
    }
  }
  CgroupFiles files() const { return {.root = root_.native()}; }
  std::filesystem::path root_;
};

TEST_F(Tree, OfVersion2TheStrictestOfAllAboveHolds) {
  make({{"/proc/self/cgroup", "0::/kube/pod/agent\n"},
        {"/proc/self/mountinfo", kV2Mount},
        {"/sys/fs/cgroup/kube/memory.max", "max\n"},
        {"/sys/fs/cgroup/kube/cpu.max", "max 100000\n"},
        {"/sys/fs/cgroup/kube/pod/memory.max", "268435456\n"},
        {"/sys/fs/cgroup/kube/pod/cpu.max", "50000 100000\n"},
        {"/sys/fs/cgroup/kube/pod/agent/memory.max", "536870912\n"},
        {"/sys/fs/cgroup/kube/pod/agent/memory.high", "max\n"},
        {"/sys/fs/cgroup/kube/pod/agent/cpu.max", "200000 100000\n"},
        {"/sys/fs/cgroup/kube/pod/agent/memory.current", "100000000\n"},
        {"/sys/fs/cgroup/kube/pod/agent/memory.stat", "anon 60000000\ninactive_file 30000000\nactive_file 1\n"}});
  const auto limits = read_environment_limits(files());
  ASSERT_TRUE(limits.has_value()) << limits.error().message;
  EXPECT_EQ(limits->memory_bytes, 256 * kMi);
  EXPECT_EQ(limits->cpus, 0.5);
  EXPECT_EQ(read_memory_in_use(files()), 70'000'000U);
}

TEST_F(Tree, WhereTheKernelThrottlesIsALimit) {
  make({{"/proc/self/cgroup", "0::/\n"},  // in a cgroup namespace: its own group is the root
        {"/proc/self/mountinfo", kV2Mount},
        {"/sys/fs/cgroup/memory.max", "536870912\n"},
        {"/sys/fs/cgroup/memory.high", "402653184\n"}});
  EXPECT_EQ(read_environment_limits(files())->memory_bytes, 384 * kMi);
  EXPECT_EQ(read_memory_in_use(files()), std::nullopt);
}

TEST_F(Tree, OfVersion1) {
  make({{"/proc/self/cgroup", "4:memory:/a/b\n1:cpu,cpuacct:/a\n0::/\n"},
        {"/proc/self/mountinfo", kV1Mounts},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"},
        {"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "314572800\n"},
        {"/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n"},
        {"/sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "1000\n"},
        {"/sys/fs/cgroup/memory/a/b/memory.stat", "total_inactive_file 5000\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "25000\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"}});
  const auto limits = read_environment_limits(files());
  ASSERT_TRUE(limits.has_value()) << limits.error().message;
  EXPECT_EQ(limits->memory_bytes, 300 * kMi);
  EXPECT_EQ(limits->cpus, 0.25);
  EXPECT_EQ(read_memory_in_use(files()), 0U) << "never less than nothing";
}

TEST_F(Tree, OfVersion1InAContainerTheUnseenLimitAbove) {
  make({{"/proc/self/cgroup", "4:memory:/docker/ab\n"},
        {"/proc/self/mountinfo", "33 31 0:30 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"},
        {"/sys/fs/cgroup/memory/memory.stat", "cache 0\nhierarchical_memory_limit 209715200\n"}});
  EXPECT_EQ(read_environment_limits(files())->memory_bytes, 200 * kMi);
}

TEST_F(Tree, WithoutControlGroupsThereIsNoLimit) {
  make({{"/proc/self/cgroup", ""}, {"/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"}});
  const auto limits = read_environment_limits(files());
  ASSERT_TRUE(limits.has_value());
  EXPECT_EQ(limits->memory_bytes, std::nullopt);
  EXPECT_EQ(limits->cpus, std::nullopt);
}

TEST_F(Tree, WithoutProcIsAnError) {
  const auto limits = read_environment_limits(files());
  ASSERT_FALSE(limits.has_value());
  EXPECT_EQ(limits.error().message, "read " + root_.native() + "/proc/self/cgroup: No such file or directory");
}

TEST(EffectiveLimits, NeverWidenTheEnvironments) {
  const EnvironmentLimits environment{.memory_bytes = 200 * kMi, .cpus = 0.5};
  const auto none = effective_limits({}, environment);
  EXPECT_EQ(none.memory_bytes, 200 * kMi);
  EXPECT_EQ(none.cpus, std::nullopt) << "no limit is assumed where none is configured";
  const auto stricter = effective_limits({.memory_limit = {100 * kMi}, .cpu_limit = 0.2}, environment);
  EXPECT_EQ(stricter.memory_bytes, 100 * kMi);
  EXPECT_EQ(stricter.cpus, 0.2);
  const auto wider = effective_limits({.memory_limit = {400 * kMi}, .cpu_limit = 2}, environment);
  EXPECT_EQ(wider.memory_bytes, 200 * kMi);
  EXPECT_EQ(wider.cpus, 0.5);
  const auto alone = effective_limits({.memory_limit = {400 * kMi}, .cpu_limit = 2}, {});
  EXPECT_EQ(alone.memory_bytes, 400 * kMi);
  EXPECT_EQ(alone.cpus, 2);
}

}  // namespace
}  // namespace telegen
