#include "control/api/server.h"

#include <fcntl.h>
#include <httplib.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.h"
#include "control/api/listen.h"
#include "control/api/router.h"

namespace telegen {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kRequestTime = std::chrono::seconds(5);
constexpr std::size_t kLargestRequest = 64U << 10;
constexpr std::size_t kWaiting = 16;
constexpr int kThreads = 2;

int remaining_ms(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

// One connection as cpp-httplib sees it. Its own time limits are per read, so a client that sends a byte a second
// would hold a thread for hours; here the whole request has one deadline and one byte budget.
class Connection final : public httplib::Stream {
 public:
  Connection(Fd socket, Clock::time_point deadline) : socket_(std::move(socket)), deadline_(deadline) {}

  bool is_readable() const override { return begin_ < end_ || wait(POLLIN); }
  bool is_writable() const override { return wait(POLLOUT); }

  ssize_t read(char* out, std::size_t size) override {
    if (begin_ == end_) {
      const ssize_t n = receive();
      if (n <= 0) return n;
    }
    const std::size_t n = std::min(size, end_ - begin_);
    std::copy_n(buffer_.data() + begin_, n, out);
    begin_ += n;
    return static_cast<ssize_t>(n);
  }

  ssize_t write(const char* data, std::size_t size) override {
    if (!wait(POLLOUT)) return -1;
    return ::send(socket_.get(), data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();  // nothing here looks at it
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  socket_t socket() const override { return socket_.get(); }

  // Closing with unread bytes (a payload that nobody asked for) would reset the connection and could cost the client
  // the answer: what is on its way is read first, within the deadline and the budget.
  void finish() {
    ::shutdown(socket_.get(), SHUT_WR);
    begin_ = end_ = 0;
    while (receive() > 0) begin_ = end_ = 0;
  }

 private:
  bool wait(short what) const {
    pollfd fd{socket_.get(), what, 0};
    int ready = 0;
    do {
      ready = ::poll(&fd, 1, remaining_ms(deadline_));
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
  }

  ssize_t receive() {
    if (received_ >= kLargestRequest || !wait(POLLIN)) return -1;
    // Never blocks, and no lock is held: the analyzer does not see the wait in WaitingRoom::take release it.
    // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection)
    const ssize_t n = ::recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    begin_ = 0;
    end_ = n > 0 ? static_cast<std::size_t>(n) : 0;
    received_ += end_;
    return n;
  }

  Fd socket_;
  Clock::time_point deadline_;
  std::array<char, 4096> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t received_ = 0;
};

// cpp-httplib reads the request and writes the response; accepting, waiting and routing are ours. Every request is
// answered before routing, so no payload is ever read into memory.
class HttpEngine final : public httplib::Server {
 public:
  explicit HttpEngine(const ApiRouter& router) {
    set_pre_routing_handler([&router](const httplib::Request& request, httplib::Response& response) {
      answer(router, request, response);
      return HandlerResponse::Handled;
    });
    set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (!response.body.empty()) return;
      response.set_content(
          "{\"error\": \"bad_request\", \"message\": \"this is no HTTP request that can be answered\", "
          "\"details\": {}}\n",
          "application/json");
    });
    set_default_headers({{"X-Content-Type-Options", "nosniff"}, {"Cache-Control", "no-store"}});
  }

  void serve(Connection& connection) {
    bool closed = false;
    process_request(connection, true, closed, nullptr);
    connection.finish();
  }

 private:
  static void answer(const ApiRouter& router, const httplib::Request& request, httplib::Response& response) {
    const ApiResponse made = router.handle({.method = request.method,
                                            .path = request.path,
                                            .authorization = request.get_header_value("Authorization"),
                                            .host = request.get_header_value("Host"),
                                            .origin = request.get_header_value("Origin")});
    response.status = made.status;
    for (const auto& [name, value] : made.headers) response.set_header(name, value);
    response.set_content(made.body, made.content_type);
  }
};

struct Accepted {
  Fd socket;
  Clock::time_point deadline;
};

// Between the accepting thread and those that answer. Full means that nothing more is accepted.
class WaitingRoom {
 public:
  // False: it ends.
  bool put(Accepted accepted, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return waiting_.size() < kWaiting; })) return false;
    waiting_.push_back(std::move(accepted));
    changed_.notify_all();
    return true;
  }

  std::optional<Accepted> take(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [&] { return !waiting_.empty(); });
    if (waiting_.empty()) return std::nullopt;
    Accepted accepted = std::move(waiting_.front());
    waiting_.pop_front();
    changed_.notify_all();
    return accepted;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Accepted> waiting_;
};

class HttpApiServer final : public ApiServer {
 public:
  HttpApiServer(Fd listener, Fd wake, const SocketAddress& bound, ApiDependencies dependencies)
      : bound_(bound),
        router_(std::move(dependencies), is_loopback(bound)),
        engine_(router_),
        listener_(std::move(listener)),
        wake_(std::move(wake)) {
    for (int i = 0; i < kThreads; ++i) {
      answering_.emplace_back([this](const std::stop_token& stop) { answer(stop); });
    }
    accepting_ = std::jthread([this](const std::stop_token& stop) { accept(stop); });
  }

  ~HttpApiServer() override {
    accepting_.request_stop();
    const std::uint64_t one = 1;
    if (::write(wake_.get(), &one, sizeof one) < 0) log_error("the API's accepting thread could not be woken");
    accepting_.join();
    for (std::jthread& thread : answering_) thread.request_stop();
  }

  SocketAddress address() const override { return bound_; }

 private:
  void accept(const std::stop_token& stop) {
    ::prctl(PR_SET_NAME, "api");  // its CPU time is counted under it (governor/process_costs.h)
    while (!stop.stop_requested()) {
      std::array<pollfd, 2> fds = {{{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
      if ((fds[0].revents & POLLIN) == 0) continue;
      Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (socket.valid()) {
        if (!waiting_.put({std::move(socket), Clock::now() + kRequestTime}, stop)) return;
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        pollfd only_wake{wake_.get(), POLLIN, 0};  // the backlog stays readable: without a pause this would spin
        ::poll(&only_wake, 1, 100);
      }
    }
  }

  void answer(const std::stop_token& stop) {
    ::prctl(PR_SET_NAME, "api");  // its CPU time is counted under it (governor/process_costs.h)
    while (auto accepted = waiting_.take(stop)) {
      Connection connection(std::move(accepted->socket), accepted->deadline);
      engine_.serve(connection);
    }
  }

  SocketAddress bound_;
  ApiRouter router_;
  HttpEngine engine_;
  Fd listener_;
  Fd wake_;
  WaitingRoom waiting_;
  std::vector<std::jthread> answering_;
  std::jthread accepting_;
};

}  // namespace

Result<std::unique_ptr<ApiServer>> ApiServer::start(Fd listener, ApiDependencies dependencies) {
  const auto bound = local_address(listener);
  if (!bound) return std::unexpected(bound.error());
  const int flags = ::fcntl(listener.get(), F_GETFL);  // accept() must not block if a client is gone again
  if (flags < 0 || ::fcntl(listener.get(), F_SETFL, flags | O_NONBLOCK) < 0) {
    return fail_errno(errno, "make non-blocking", listen_text(*bound));
  }
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return fail_errno(errno, "eventfd for", "the API");
  return std::make_unique<HttpApiServer>(std::move(listener), std::move(wake), *bound, std::move(dependencies));
}

Result<std::unique_ptr<ApiServer>> ApiServer::start(const SocketAddress& address, ApiDependencies dependencies) {
  auto listener = open_listener(address);
  if (!listener) return std::unexpected(listener.error());
  return start(*std::move(listener), std::move(dependencies));
}

}  // namespace telegen
