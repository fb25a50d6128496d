// What was recorded is what is replayed, to the byte; a file cut anywhere gives what was before the cut.
#include "ingest/recording.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace telegen {
namespace {

struct Seen {
  std::int64_t offset = 0;
  std::vector<std::string> records;
  std::vector<std::pair<std::uint32_t, Resource>> processes;
};

Result<void> replay(Bytes file, Seen& seen) {
  return replay_recording(
      file, {.started = [&](ClockOffset o) { seen.offset = o.ns; },
             .record = [&](Bytes r) { seen.records.emplace_back(r); },
             .process = [&](std::uint32_t pid, Resource r) { seen.processes.emplace_back(pid, std::move(r)); }});
}

std::string recorded() {
  const int fd = ::memfd_create("recording", 0);
  const int copy = ::dup(fd);
  {
    auto recorder = Recorder::start(Fd(fd), {-42});
    EXPECT_TRUE(recorder.has_value());
    EXPECT_TRUE(recorder->record("first").has_value());
    const Resource resource{{{"service.name", std::string("a=b%,\n\xc3\xa9")},
                             {"process.pid", std::int64_t{-7}},
                             {"x.double", 2.5},
                             {"x.bool", true},
                             {"x.list", std::vector<std::string>{"a,b", "", "c"}},
                             {"x.empty", std::string()}}};
    EXPECT_TRUE(recorder->process(4711, resource).has_value());
    EXPECT_TRUE(recorder->record(std::string("\0\1\2", 3)).has_value());
    EXPECT_TRUE(recorder->finish().has_value());
  }
  std::string content(static_cast<std::size_t>(::lseek(copy, 0, SEEK_END)), '\0');
  EXPECT_EQ(::pread(copy, content.data(), content.size(), 0), static_cast<ssize_t>(content.size()));
  ::close(copy);
  return content;
}

TEST(Recording, IsReplayedToTheByte) {
  Seen seen;
  const auto done = replay(recorded(), seen);
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(seen.offset, -42);
  EXPECT_EQ(seen.records, (std::vector<std::string>{"first", std::string("\0\1\2", 3)}));
  ASSERT_EQ(seen.processes.size(), 1U);
  EXPECT_EQ(seen.processes[0].first, 4711U);
  const OwnedAttributes& a = seen.processes[0].second.attributes;
  ASSERT_EQ(a.size(), 6U);
  EXPECT_EQ(a[0].key, "service.name");
  EXPECT_EQ(std::get<std::string>(a[0].value), "a=b%,\n\xc3\xa9");
  EXPECT_EQ(std::get<std::int64_t>(a[1].value), -7);
  EXPECT_EQ(std::get<double>(a[2].value), 2.5);
  EXPECT_TRUE(std::get<bool>(a[3].value));
  EXPECT_EQ(std::get<std::vector<std::string>>(a[4].value), (std::vector<std::string>{"a,b", "", "c"}));
  EXPECT_EQ(std::get<std::string>(a[5].value), "");
}

TEST(Recording, CutAnywhereGivesAnErrorAndWhatCameBefore) {
  const std::string whole = recorded();
  std::size_t complete = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    Seen seen;
    const auto done = replay(Bytes(whole).substr(0, length), seen);
    complete += done.has_value();
    EXPECT_LE(seen.records.size(), 2U);
  }
  EXPECT_EQ(complete, 3U) << "only between frames: after the header, the first and the second frame";
}

TEST(Recording, OtherFilesAreRefusedByName) {
  Seen seen;
  EXPECT_NE(replay("PK\3\4 some other file that is long enough", seen).error().message.find("not a recording"),
            std::string::npos);
  std::string future = recorded();
  future[8] = 9;
  EXPECT_NE(replay(future, seen).error().message.find("version 9"), std::string::npos);
}

}  // namespace
}  // namespace telegen
