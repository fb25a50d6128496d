#include "loader/handoff/client.h"

#include <poll.h>

#include <bit>
#include <cstring>

namespace telegen {
namespace {

constexpr std::size_t kLargestList = 1 << 20;
constexpr std::size_t kLargestText = 1 << 20;

}  // namespace

Result<LoaderClient::Reply> LoaderClient::ask(const Request& request, const char* what) {
  const std::scoped_lock lock(mutex_);
  if (auto sent = send_message(socket_.get(), &request, sizeof request, {}); !sent)
    return std::unexpected(sent.error());
  Reply reply;
  auto received = receive_message(socket_.get(), &reply.answer, sizeof reply.answer, reply.fds);
  if (!received) return std::unexpected(received.error());
  if (!*received) return fail("the loader has gone");
  if (reply.answer.error != 0) return fail_errno(reply.answer.error, "ask the loader to", what);
  return reply;
}

Result<Fd> LoaderClient::ask_for_fd(const Request& request, const char* what) {
  auto reply = ask(request, what);
  if (!reply) return std::unexpected(reply.error());
  if (reply->fds.size() != 1) return fail(std::string("the loader sent no descriptor when asked to ") + what);
  return std::move(reply->fds.front());
}

Result<WorkerKit> LoaderClient::hello() {
  auto reply = ask({.type = RequestType::kHello}, "hand over");
  if (!reply) return std::unexpected(reply.error());
  WorkerKit kit{.ring_bytes = reply->answer.ring_bytes, .generation = reply->answer.generation};
  if (static_cast<std::size_t>(std::popcount(reply->answer.descriptors)) != reply->fds.size()) {
    return fail("the loader handed over the wrong number of descriptors");
  }
  std::size_t next = 0;
  for (std::size_t i = 0; i < kKitDescriptors; ++i) {
    if ((reply->answer.descriptors >> i & 1) != 0) kit.descriptors[i] = std::move(reply->fds[next++]);
  }
  return kit;
}

Result<std::string> LoaderClient::read(std::uint32_t pid, ProcFile file) {
  auto fd = ask_for_fd({RequestType::kReadProc, pid, static_cast<std::uint32_t>(file)}, "read a file of /proc");
  if (!fd) return std::unexpected(fd.error());
  return read_whole(fd->get(), privileged_limit(file));
}

Result<Fd> LoaderClient::open_executable(std::uint32_t pid) {
  return ask_for_fd({RequestType::kOpenExecutable, pid}, "open an executable");
}

Result<void> LoaderClient::select(std::uint32_t pid, bool selected) {
  auto reply = ask({selected ? RequestType::kSelect : RequestType::kDeselect, pid}, "select a process");
  if (!reply) return std::unexpected(reply.error());
  return {};
}

Result<Fd> LoaderClient::rotate_output() { return ask_for_fd({RequestType::kRotateOutput}, "rotate the output file"); }

Result<void> LoaderClient::set_capture(std::uint32_t bytes) {
  auto reply = ask({.type = RequestType::kSetCapture, .argument = bytes}, "set how much is captured");
  if (!reply) return std::unexpected(reply.error());
  return {};
}

Result<Fd> LoaderClient::open_segment(SegmentPlace place) {
  return ask_for_fd({RequestType::kOpenSegment, place.number, place.disk}, "open a queue segment");
}

Result<std::vector<SegmentPlace>> LoaderClient::list_segments() {
  auto fd = ask_for_fd({RequestType::kListSegments}, "list the queue segments");
  if (!fd) return std::unexpected(fd.error());
  const auto bytes = read_whole(fd->get(), kLargestList);
  if (!bytes) return std::unexpected(bytes.error());
  std::vector<SegmentPlace> places(bytes->size() / sizeof(SegmentPlace));
  std::memcpy(places.data(), bytes->data(), places.size() * sizeof(SegmentPlace));
  return places;
}

Result<void> LoaderClient::reload() {
  auto reply = ask({RequestType::kReload}, "read the configuration again");
  if (!reply) return std::unexpected(reply.error());
  if (reply->fds.empty()) return {};
  auto refusal = read_whole(reply->fds.front().get(), kLargestText);
  if (!refusal) return std::unexpected(refusal.error());
  return fail(std::move(*refusal), ErrorKind::kConfiguration);
}

Result<bool> LoaderClient::refresh_tls() {
  auto reply = ask({RequestType::kRefreshTls}, "read the files for TLS again");
  if (!reply) return std::unexpected(reply.error());
  return reply->answer.descriptors != 0;
}

bool LoaderClient::is_gone() const {
  pollfd loader{socket_.get(), 0, 0};
  return ::poll(&loader, 1, 0) == 1 && (loader.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace telegen
