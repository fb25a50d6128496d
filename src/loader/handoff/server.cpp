#include "loader/handoff/server.h"

#include <cerrno>

namespace telegen {
namespace {

Result<void> send_answer(int socket, const Answer& answer, const std::vector<int>& fds = {}) {
  return send_message(socket, &answer, sizeof answer, fds);
}

int errno_of(const Error& error) { return error.code != 0 ? error.code : EIO; }

}  // namespace

Result<bool> LoaderServer::answer_one(int socket, std::uint32_t generation) {
  Request request;
  std::vector<Fd> unexpected;  // the worker sends none; whatever comes is closed
  auto received = receive_message(socket, &request, sizeof request, unexpected);
  if (!received || !*received) return received;
  if (auto answered = answer(socket, request, generation); !answered) return std::unexpected(answered.error());
  return true;
}

Result<void> LoaderServer::answer(int socket, const Request& request, std::uint32_t generation) {
  switch (request.type) {
    case RequestType::kHello: return answer_hello(socket, generation);
    case RequestType::kRotateOutput:
      return answer_with_fd(socket, services_.rotate_output ? services_.rotate_output() : fail("no output file"));
    case RequestType::kListSegments: return answer_with_fd(socket, list_segments());
    case RequestType::kOpenSegment:
      return answer_with_fd(socket, services_.open_segment ? services_.open_segment({request.argument, request.pid})
                                                           : fail("no segments"));
    case RequestType::kReload: return answer_reload(socket);
    case RequestType::kRefreshTls: return answer_refresh(socket);
    case RequestType::kDeselect: services_.set_selected(request.pid, false); return send_answer(socket, {});
    case RequestType::kSetCapture:
      if (!services_.set_capture) return send_answer(socket, {.error = ENOTSUP});
      services_.set_capture(request.argument);
      return send_answer(socket, {});
    case RequestType::kReadProc:
    case RequestType::kOpenExecutable:
    case RequestType::kSelect: break;
    default: return send_answer(socket, {.error = EINVAL});
  }
  if (!services_.may_trace(request.pid)) return send_answer(socket, {.error = EPERM});
  if (request.type == RequestType::kReadProc) return answer_with_fd(socket, read_proc(request));
  if (request.type == RequestType::kOpenExecutable) return answer_with_fd(socket, proc_.open_executable(request.pid));
  services_.set_selected(request.pid, true);
  return send_answer(socket, {});
}

Result<void> LoaderServer::answer_hello(int socket, std::uint32_t generation) {
  Answer answer{.ring_bytes = services_.ring_bytes, .generation = generation};
  std::vector<int> fds;
  for (std::size_t i = 0; i < services_.kit.size(); ++i) {
    if (services_.kit[i] < 0) continue;
    answer.descriptors |= 1U << i;
    fds.push_back(services_.kit[i]);
  }
  return send_answer(socket, answer, fds);
}

Result<void> LoaderServer::answer_with_fd(int socket, Result<Fd> fd) {
  if (!fd) return send_answer(socket, {.error = errno_of(fd.error())});
  return send_answer(socket, {.descriptors = 1}, {fd->get()});
}

// A refusal is no failure of the request: its reason is the answer.
Result<void> LoaderServer::answer_reload(int socket) {
  const auto reloaded = services_.reload ? services_.reload() : fail("this agent cannot read its configuration again");
  if (reloaded) return send_answer(socket, {});
  auto text = make_memory_file("telegen-refusal", reloaded.error().message);
  if (!text) return send_answer(socket, {.error = errno_of(text.error())});
  return send_answer(socket, {.descriptors = 1}, {text->get()});
}

Result<void> LoaderServer::answer_refresh(int socket) {
  const auto changed = services_.refresh_tls ? services_.refresh_tls() : Result<bool>(false);
  if (!changed) return send_answer(socket, {.error = errno_of(changed.error())});
  return send_answer(socket, {.descriptors = *changed ? 1U : 0U});
}

Result<Fd> LoaderServer::list_segments() const {
  std::string bytes;
  if (services_.list_segments) {
    const std::vector<SegmentPlace> places = services_.list_segments();
    bytes.assign(reinterpret_cast<const char*>(places.data()), places.size() * sizeof(SegmentPlace));
  }
  return make_memory_file("telegen-segments", bytes);
}

Result<Fd> LoaderServer::read_proc(const Request& request) {
  if (request.argument >= kProcFileCount) return fail_errno(EINVAL, "read", "a file of /proc");
  auto text = proc_.read(request.pid, static_cast<ProcFile>(request.argument));
  if (!text) return std::unexpected(text.error());
  return make_memory_file("telegen-proc", *text);
}

}  // namespace telegen
