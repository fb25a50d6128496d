#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "discovery/cgroup.h"
#include "discovery/glob.h"
#include "discovery/host.h"
#include "discovery/proc_files.h"
#include "discovery/proc_parse.h"
#include "discovery/service.h"
#include "discovery/text.h"

namespace telegen {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string stat_line(std::string_view comm) {
  return "1042 (" + std::string(comm) + ") S 7 1042 1042 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3\n";
}

TEST(Stat, CommMayHoldAnything) {
  for (const std::string comm : {"python3", "a) S 1 (b", "((()", "", "new\nline", "tab\t) R 99"}) {
    const auto stat = parse_stat(stat_line(comm));
    ASSERT_TRUE(stat.has_value()) << comm;
    EXPECT_EQ(stat->pid, 1042u);
    EXPECT_EQ(stat->comm, comm);
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->parent, 7u);
    EXPECT_EQ(stat->start_ticks, 98765u);
    EXPECT_FALSE(stat->kernel_thread);
  }
}

TEST(Stat, EveryTruncationBeforeTheStartTimeIsRefused) {
  const std::string whole = stat_line("x");
  const std::size_t start_time = whole.find("98765");
  for (std::size_t length = 0; length < start_time; ++length) {
    EXPECT_FALSE(parse_stat(std::string_view(whole).substr(0, length)).has_value()) << length;
  }
}

TEST(Stat, KernelThreadsAreTold) {
  const auto stat = parse_stat("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0 0\n");
  ASSERT_TRUE(stat.has_value());
  EXPECT_TRUE(stat->kernel_thread);
  EXPECT_EQ(stat->parent, 0u);
}

TEST(Status, EffectiveUserAndInnermostPid) {
  const auto status = parse_status("Name:\tx\nUid:\t1000\t33\t1000\t1000\nNSpid:\t1042\t77\t5\n");
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->effective_uid, 33u);
  EXPECT_THAT(status->namespace_pids, ElementsAre(1042u, 77u, 5u));
  EXPECT_FALSE(parse_status("Name:\tx\n").has_value());
}

TEST(Arguments, EmptyOnesStayAndTheLastMayBeCut) {
  using namespace std::string_literals;
  EXPECT_THAT(split_arguments("a\0\0b c\0d"s), ElementsAre("a", "", "b c", "d"));
  EXPECT_THAT(split_arguments(""), IsEmpty());
}

TEST(Environ, OnlyTheNamedVariablesLeaveThePrivilegedSide) {
  using namespace std::string_literals;
  const std::string environ =
      "PATH=/bin\0OTEL_SERVICE_NAME=shop\0AWS_SECRET_ACCESS_KEY=x\0OTEL_EXPORTER_OTLP_HEADERS=key=secret\0"
      "OTEL_SERVICE_NAME_X=no\0nonsense\0OTEL_RESOURCE_ATTRIBUTES=a=b\0"
      "JAVA_TOOL_OPTIONS=-Dpassword=hunter2 -javaagent:/o/opentelemetry-javaagent.jar\0"s;
  EXPECT_EQ(filter_environ(environ, 4096),
            "OTEL_SERVICE_NAME=shop\0OTEL_RESOURCE_ATTRIBUTES=a=b\0telegen:otel_agent=1\0"s);
  EXPECT_EQ(filter_environ(environ, 30), "OTEL_SERVICE_NAME=shop\0"s);
}

TEST(Maps, DistinctFilesWithBlanksAndDeletedMarks) {
  const std::string maps =
      "55d0-55d1 r--p 00000000 fe:00 12  /usr/bin/my app\n"
      "55d1-55d2 r-xp 00001000 fe:00 12  /usr/bin/my app\n"
      "7f00-7f01 r-xp 00000000 fe:00 13  /usr/lib/libx.so.1 (deleted)\n"
      "7f01-7f02 rw-p 00000000 00:00 0 \n7ffc-7ffd rw-p 00000000 00:00 0 [stack]\n7f02-7f03 r--p 00";
  EXPECT_THAT(parse_mapped_files(maps), ElementsAre("/usr/bin/my app", "/usr/lib/libx.so.1"));
}

TEST(ListeningPorts, OnlyListenersOfTheseInodes) {
  const std::string table =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0\n"
      "   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0\n"
      "   2: 0100007F:1F91 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0\n"
      "   3: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 444 1\n"
      "   4: 0100007F:XYZ 00000000:0000 0A 0:0 0:0 0 0 0 111\n   5: 0100007F:1F";
  EXPECT_THAT(parse_listening_ports(table, {111, 333, 444}), ElementsAre(443, 8080));
}

TEST(InodeLink, ExactFormOnly) {
  EXPECT_EQ(parse_inode_link("socket:[4711]", "socket"), 4711u);
  for (const char* wrong :
       {"socket:[]", "socket:[1", "socket:1]", "pipe:[1]", "socket", "socket:[-1]", "socket:[1]x"}) {
    EXPECT_FALSE(parse_inode_link(wrong, "socket").has_value()) << wrong;
  }
}

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

TEST(Container, EveryKnownForm) {
  struct Form {
    std::string path, id, runtime, pod;
  };
  const std::string uid = "8dbc5577-d0e2-4706-8787-57d52c03ddf2";
  const std::string scored = "8dbc5577_d0e2_4706_8787_57d52c03ddf2";
  const std::vector<Form> forms = {
      {"/docker/" + kId, kId, "docker", ""},
      {"/system.slice/docker-" + kId + ".scope", kId, "docker", ""},
      {"/kubepods/besteffort/pod" + uid + "/" + kId, kId, "", uid},
      {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + scored + ".slice/cri-containerd-" + kId +
           ".scope",
       kId, "containerd", uid},
      {"/kubepods.slice/kubepods-pod" + scored + ".slice/crio-" + kId + ".scope", kId, "cri-o", uid},
      {"/kubepods.slice/kubepods-pod" + scored + ".slice/docker-" + kId + ".scope", kId, "docker", uid},
      {"/system.slice/containerd.service/kubepods-burstable-pod" + scored + ".slice:cri-containerd:" + kId, kId,
       "containerd", uid},
      {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId + ".scope/container", kId, "podman",
       ""},
      {"/machine.slice/libpod-" + kId + ".scope", kId, "podman", ""},
      {"/default/" + kId, kId, "", ""},
      {"/../" + kId, kId, "", ""},
      {"/ecs/task/0123456789abcdef0123456789abcdef-1234567890", "0123456789abcdef0123456789abcdef-1234567890", "", ""},
      {"/docker/" + std::string(64, 'f') + "/docker/" + kId, kId, "docker", ""},
      {"/crio-conmon-" + kId, "", "", ""},
      {"/machine.slice/libpod-conmon-" + kId + ".scope", "", "", ""},
      {"/user.slice/user-0.slice/session-1.scope", "", "", ""},
      {"/system.slice/docker.service", "", "", ""},
      {"/docker/" + kId.substr(1), "", "", ""},
      {"/docker/" + kId.substr(1) + "G", "", "", ""},
      {"/", "", "", ""},
  };
  for (const Form& form : forms) {
    const ContainerRef found = find_container(parse_cgroup("0::" + form.path + "\n"));
    EXPECT_EQ(found.id, form.id) << form.path;
    EXPECT_EQ(found.runtime, form.runtime) << form.path;
    EXPECT_EQ(found.pod_uid, form.pod) << form.path;
  }
}

TEST(Cgroup, HybridPrefersTheUnifiedHierarchyWhereItTells) {
  const std::string other(64, 'e');
  const auto hybrid = parse_cgroup("12:cpu,cpuacct:/docker/" + other + "\n1:name=systemd:/docker/" + other +
                                   "\n0::/system.slice/docker-" + kId + ".scope\n");
  ASSERT_EQ(hybrid.size(), 3u);
  EXPECT_EQ(hybrid[0], (CgroupMembership{"cpu,cpuacct", "/docker/" + other}));
  EXPECT_EQ(find_container(hybrid).id, kId);
  EXPECT_EQ(find_container(parse_cgroup("3:memory:/docker/" + kId + "\n0::/\n")).id, kId) << "v2 tells nothing";
  EXPECT_THAT(parse_cgroup("garbage\n1:x\n2:y:relative\n:"), IsEmpty());
}

const std::string kMountInfo =
    "25 1 0:20 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "26 25 0:21 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
    "27 25 0:22 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "28 25 0:23 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/x,name=systemd\n"
    "29 25 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
    "30 25 0:24 /part /mnt/with\\040blank rw - cgroup2 cgroup2 rw\nbroken line\n";

TEST(Cgroup, NamedByPathOrByFolder) {
  const auto mounts = parse_cgroup_mounts(kMountInfo);
  ASSERT_EQ(mounts.size(), 5u);
  EXPECT_EQ(mounts[0].controllers, "memory");
  EXPECT_EQ(mounts[1].controllers, "cpu,cpuacct");
  EXPECT_EQ(mounts[2].controllers, "name=systemd");
  EXPECT_EQ(mounts[3].controllers, "");
  EXPECT_EQ(mounts[4].mount_point, "/mnt/with blank");
  EXPECT_EQ(mounts[4].root, "/part");
  EXPECT_EQ(resolve_cgroup("/test", mounts), (CgroupPath{false, "", "/test"}));
  EXPECT_EQ(resolve_cgroup("/sys/fs/cgroup/unified/test/", mounts), (CgroupPath{false, "", "/test"}));
  EXPECT_EQ(resolve_cgroup("/sys/fs/cgroup/memory/a/b", mounts), (CgroupPath{false, "memory", "/a/b"}));
  EXPECT_EQ(resolve_cgroup("/mnt/with blank/x", mounts), (CgroupPath{false, "", "/part/x"}));
  EXPECT_EQ(resolve_cgroup("/x", {}), (CgroupPath{true, "", "/x"}));
  EXPECT_THAT(directories_of({false, "", "/part/x"}, mounts),
              ElementsAre("/sys/fs/cgroup/unified/part/x", "/mnt/with blank/x"));
}

TEST(Cgroup, ContainsWhatIsBelowButNotWhatIsNamedAlike) {
  const CgroupPath group{false, "", "/test"};
  EXPECT_TRUE(contains(group, {{"", "/test"}}));
  EXPECT_TRUE(contains(group, {{"", "/test/inner"}}));
  EXPECT_FALSE(contains(group, {{"", "/test-2"}}));
  EXPECT_FALSE(contains(group, {{"", "/"}}));
  EXPECT_FALSE(contains(group, {{"memory", "/test"}})) << "another hierarchy's group of that name";
  EXPECT_TRUE(contains({false, "", ""}, {{"", "/"}}));
}

TEST(GlobPattern, MatchesTheWholeText) {
  const auto matches = [](const char* pattern, const char* text) { return Glob::compile(pattern)->matches(text); };
  EXPECT_TRUE(matches("/usr/*/python3*", "/usr/local/bin/python3.11"));
  EXPECT_TRUE(matches("**/app", "/srv/x/app"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a?c", "abc"));
  EXPECT_FALSE(matches("a?c", "ac"));
  EXPECT_FALSE(matches("b", "abc"));
  EXPECT_TRUE(matches("[a-c]x[!0-9]", "bxz"));
  EXPECT_FALSE(matches("[a-c]x[!0-9]", "bx7"));
  EXPECT_TRUE(matches("[]]", "]"));
  EXPECT_TRUE(matches("[a-]", "-"));
  EXPECT_TRUE(matches("\\*", "*"));
  EXPECT_FALSE(matches("\\*", "x"));
  EXPECT_TRUE(matches("*ab*ab", "abxabyab"));
  EXPECT_FALSE(matches("*ab*ab", "ab"));
}

TEST(GlobPattern, WhatIsWrongIsSaid) {
  EXPECT_EQ(Glob::compile("").error().message, "the pattern is empty");
  EXPECT_EQ(Glob::compile("[abc").error().message, "'[' is not closed by ']'");
  EXPECT_EQ(Glob::compile("[]").error().message, "'[' is not closed by ']'");
  EXPECT_EQ(Glob::compile("[z-a]").error().message, "range 'z-a' is empty");
  EXPECT_EQ(Glob::compile("a\\").error().message, "'\\' at the end escapes nothing");
}

TEST(GlobPattern, ManyStarsTakeNoLongerThanPatternTimesText) {
  std::string pattern;
  for (int i = 0; i < 1000; ++i) pattern += "*a";
  pattern += "*b";
  EXPECT_FALSE(Glob::compile(pattern)->matches(std::string(4000, 'a')));  // exponential matchers never end here
}

TEST(ResourceAttributes, DecodedLaterWinsOneErrorDiscardsAll) {
  const auto parsed =
      parse_resource_attributes("service.version=1%2E2, deployment.environment.name = prod%20eu,k=1,k=2,");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(*parsed, (StringPairs{{"service.version", "1.2"}, {"deployment.environment.name", "prod eu"}, {"k", "2"}}));
  for (const char* wrong : {"a", "a=b,c", "=b", "a=%", "a=%2", "a=%zz", "%=b"}) {
    EXPECT_FALSE(parse_resource_attributes(wrong).has_value()) << wrong;
  }
  EXPECT_EQ(parse_resource_attributes("a=b=c")->front().second, "b=c");
}

TEST(InstanceId, IsUuid5AndDependsOnAllThatNamesAProcess) {
  // RFC 9562, appendix A.4: the DNS namespace and "www.example.com".
  constexpr std::uint8_t kDns[16] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                     0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
  EXPECT_EQ(uuid_v5(kDns, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
  const std::string id = make_instance_id("host", 1, 2);
  EXPECT_EQ(id, make_instance_id("host", 1, 2));
  EXPECT_NE(id, make_instance_id("host2", 1, 2));
  EXPECT_NE(id, make_instance_id("host", 2, 2));
  EXPECT_NE(id, make_instance_id("host", 1, 3));
}

TEST(Text, IsCleanUtf8AndCutBetweenCharacters) {
  EXPECT_EQ(to_clean_utf8("a\xc3\xa9\n\xff\xed\xa0\x80", 100),
            "a\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(to_clean_utf8("\xc0\xaf", 100), "\xef\xbf\xbd\xef\xbf\xbd") << "overlong";
  EXPECT_EQ(to_clean_utf8("a\xc3\xa9", 2), "a");
  EXPECT_EQ(directory_of("/a"), "/");
  EXPECT_EQ(directory_of("a"), "");
  EXPECT_EQ(base_name("/a/b/"), "b");
}

TEST(Host, OsReleaseValuesAreUnquoted) {
  const std::string text = "PRETTY_NAME=\"Debian \\\"12\\\"\"\nNAME='Debian GNU/Linux'\nVERSION_ID=12\nVERSION=x\n";
  EXPECT_EQ(os_release_value(text, "PRETTY_NAME"), "Debian \"12\"");
  EXPECT_EQ(os_release_value(text, "NAME"), "Debian GNU/Linux");
  EXPECT_EQ(os_release_value(text, "VERSION_ID"), "12");
  EXPECT_EQ(os_release_value(text, "VERSION_CODENAME"), "");
  EXPECT_EQ(host_arch("x86_64"), "amd64");
  EXPECT_EQ(host_arch("aarch64"), "arm64");
}

TEST(ReadBounded, StopsAtTheLimitAndSaysSo) {
  std::string path = ::testing::TempDir() + "telegen_bounded_XXXXXX";
  const Fd fd(::mkstemp(path.data()));
  ASSERT_TRUE(fd.valid());
  const std::string megabyte(1 << 20, 'x');
  ASSERT_EQ(::write(fd.get(), megabyte.data(), megabyte.size()), static_cast<ssize_t>(megabyte.size()));
  const auto cut = read_bounded(path, 100'000);
  ASSERT_TRUE(cut.has_value());
  EXPECT_EQ(cut->text.size(), 100'000u);
  EXPECT_TRUE(cut->truncated);
  const auto whole = read_bounded(path, 1 << 20);
  EXPECT_EQ(whole->text.size(), megabyte.size());
  EXPECT_FALSE(whole->truncated);
  ::unlink(path.c_str());
  EXPECT_EQ(read_bounded(path, 10).error().message, "open " + path + ": No such file or directory");
}

}  // namespace
}  // namespace telegen
