#include "loader/handoff/client.h"

#include <bit>

namespace telegen {

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

}  // namespace telegen
