// The socketpair between worker and loader: what may be asked, what comes back, and what is refused.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <set>
#include <thread>

#include "loader/handoff/client.h"
#include "loader/handoff/server.h"

namespace telegen {
namespace {

class FakeProc final : public PrivilegedProc {
 public:
  Result<std::string> read(std::uint32_t pid, ProcFile file) override {
    if (pid == 404) return fail_errno(ESRCH, "read", "environ");
    return std::string(300'000, 'm') + std::to_string(pid) + "/" + std::string(to_text(file));
  }
  Result<Fd> open_executable(std::uint32_t) override { return make_memory_file("exe", "ELF"); }
};

struct Pair {
  Fd loader;
  Fd worker;
};
Pair make_pair() {
  int fds[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
  return {Fd(fds[0]), Fd(fds[1])};
}

class Handoff : public ::testing::Test {
 protected:
  Handoff() {
    Pair pair = make_pair();
    client = std::make_unique<LoaderClient>(std::move(pair.worker));
    LoaderServices services;
    services.ring_bytes = 4096;
    ring = *make_memory_file("ring", "RING");
    listener = *make_memory_file("listener", "LISTEN");
    services.kit[0] = ring.get();
    services.kit[3] = listener.get();
    services.may_trace = [](std::uint32_t pid) { return pid != 666; };
    services.set_selected = [this](std::uint32_t pid, bool on) {
      on ? void(selected.insert(pid)) : void(selected.erase(pid));
    };
    services.set_capture = [this](std::uint32_t bytes) { captures.push_back(bytes); };
    loader = std::jthread([this, services, socket = std::move(pair.loader)] {
      LoaderServer server(services, proc);
      for (auto alive = server.answer_one(socket.get(), 7); alive && *alive;)
        alive = server.answer_one(socket.get(), 7);
    });
  }
  void TearDown() override { client.reset(); }

  FakeProc proc;
  Fd ring, listener;
  std::set<std::uint32_t> selected;
  std::vector<std::uint32_t> captures;
  std::unique_ptr<LoaderClient> client;
  std::jthread loader;
};

TEST_F(Handoff, HelloHandsOverWhatThereIs) {
  auto kit = client->hello();
  ASSERT_TRUE(kit.has_value()) << kit.error().message;
  EXPECT_EQ(kit->ring_bytes, 4096U);
  EXPECT_EQ(kit->generation, 7U);
  EXPECT_EQ(*read_whole((*kit)[KitDescriptor::kRing].get(), 100), "RING");
  EXPECT_EQ(*read_whole((*kit)[KitDescriptor::kApiListener].get(), 100), "LISTEN");
  EXPECT_FALSE((*kit)[KitDescriptor::kCounters].valid());
  EXPECT_FALSE((*kit)[KitDescriptor::kRecording].valid());
}

TEST_F(Handoff, TextsOfAnySizeAreRead) {
  const auto text = client->read(10, ProcFile::kMaps);
  ASSERT_TRUE(text.has_value()) << text.error().message;
  EXPECT_EQ(text->size(), 300'000 + 3 + to_text(ProcFile::kMaps).size());
}

TEST_F(Handoff, OtherProcessesAreRefused) {
  EXPECT_EQ(client->read(666, ProcFile::kEnviron).error().code, EPERM);
  EXPECT_EQ(client->open_executable(666).error().code, EPERM);
  EXPECT_EQ(client->select(666, true).error().code, EPERM);
  EXPECT_TRUE(client->select(10, true).has_value());
  EXPECT_TRUE(client->select(11, true).has_value());
  EXPECT_TRUE(client->select(10, false).has_value());
  client.reset();
  loader.join();
  EXPECT_EQ(selected, std::set<std::uint32_t>{11});
}

TEST_F(Handoff, WhatIsCapturedCanBeLoweredSuspendedAndRaised) {
  for (const std::uint32_t bytes : {2048U, 0U, 4096U}) {
    const auto set = client->set_capture(bytes);
    ASSERT_TRUE(set.has_value()) << set.error().message;
  }
  client.reset();
  loader.join();
  EXPECT_EQ(captures, (std::vector<std::uint32_t>{2048, 0, 4096}));
}

TEST_F(Handoff, ErrorsComeBackInWords) {
  const auto gone = client->read(404, ProcFile::kEnviron);
  EXPECT_EQ(gone.error().code, ESRCH);
  EXPECT_EQ(gone.error().message, "ask the loader to read a file of /proc: No such process");
  EXPECT_FALSE(client->rotate_output().has_value()) << "no output file is configured";
}

TEST(HandoffServer, UnknownRequestsAndWrongSizesAreNoRequests) {
  Pair pair = make_pair();
  FakeProc proc;
  LoaderServices services;
  services.may_trace = [](std::uint32_t) { return true; };
  LoaderServer server(services, proc);
  const std::uint32_t unknown[] = {99, 1, 0, 0};  // as a Request, of a type that there is not
  static_assert(sizeof unknown == sizeof(Request));
  ASSERT_TRUE(send_message(pair.worker.get(), &unknown, sizeof unknown, {}).has_value());
  ASSERT_TRUE(server.answer_one(pair.loader.get(), 0).has_value());
  Answer answer;
  std::vector<Fd> fds;
  ASSERT_TRUE(*receive_message(pair.worker.get(), &answer, sizeof answer, fds));
  EXPECT_EQ(answer.error, EINVAL);
  const Request bad_file{.type = RequestType::kReadProc, .pid = 1, .argument = 200};
  ASSERT_TRUE(send_message(pair.worker.get(), &bad_file, sizeof bad_file, {}).has_value());
  ASSERT_TRUE(server.answer_one(pair.loader.get(), 0).has_value());
  ASSERT_TRUE(*receive_message(pair.worker.get(), &answer, sizeof answer, fds));
  EXPECT_EQ(answer.error, EINVAL);
  const Request capture{.type = RequestType::kSetCapture, .argument = 512};
  ASSERT_TRUE(send_message(pair.worker.get(), &capture, sizeof capture, {}).has_value());
  ASSERT_TRUE(server.answer_one(pair.loader.get(), 0).has_value());
  ASSERT_TRUE(*receive_message(pair.worker.get(), &answer, sizeof answer, fds));
  EXPECT_EQ(answer.error, ENOTSUP) << "a loader without probes";
  ASSERT_TRUE(send_message(pair.worker.get(), "abc", 3, {}).has_value());
  EXPECT_FALSE(server.answer_one(pair.loader.get(), 0).has_value());
  pair.worker.reset();
  EXPECT_FALSE(*server.answer_one(pair.loader.get(), 0)) << "closed";
}

}  // namespace
}  // namespace telegen
