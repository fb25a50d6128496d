#include "loader/handoff/supervisor.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/log.h"

namespace telegen {
namespace {

constexpr int kWorkerSocket = 3;  // the descriptor that the worker finds it at
constexpr int kQuickDeathsMax = 5;
constexpr auto kQuick = std::chrono::seconds(2);

sigset_t handled_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD}) ::sigaddset(&set, signal);
  return set;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Between fork and exec. The binary is executed through its descriptor: the worker's user may not be able to walk to
// it.
[[noreturn]] void become_worker(int socket, int binary, SupervisorOptions& options) {
  std::vector<char*> arguments = pointers(options.arguments);
  std::vector<char*> environment = pointers(options.environment);
  const sigset_t handled = handled_signals();
  ::sigprocmask(SIG_UNBLOCK, &handled, nullptr);
  if (socket != kWorkerSocket) {
    if (binary == kWorkerSocket) binary = ::fcntl(binary, F_DUPFD_CLOEXEC, kWorkerSocket + 1);
    ::dup2(socket, kWorkerSocket);
  } else {
    ::fcntl(socket, F_SETFD, 0);
  }
  ::close_range(kWorkerSocket + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  if (const auto dropped = drop_privileges(options.user); !dropped) {
    std::fprintf(stderr, "telegen: %s\n", dropped.error().message.c_str());
    ::_exit(4);
  }
  ::execveat(binary, "", arguments.data(), environment.data(), AT_EMPTY_PATH);
  std::fprintf(stderr, "telegen: start the worker: %s\n", ::strerrordesc_np(errno));
  ::_exit(1);
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return std::string("was killed by SIG") + ::sigabbrev_np(WTERMSIG(status));
  return "ended with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Result<void> Supervisor::start_worker() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return fail_errno(errno, "create", "a socketpair");
  Fd ours(pair[0]);
  const Fd theirs(pair[1]);
  const Fd binary(::open("/proc/self/exe", O_PATH | O_CLOEXEC));
  if (!binary.valid()) return fail_errno(errno, "open", "the agent's own binary");
  if (options_.before_start) options_.before_start();
  const pid_t child = ::fork();
  if (child < 0) return fail_errno(errno, "fork", "the worker");
  if (child == 0) become_worker(theirs.get(), binary.get(), options_);
  worker_ = child;
  socket_ = std::move(ours);
  started_ = monotonic_now();
  return {};
}

void Supervisor::end_worker_gracefully() {
  if (worker_ <= 0) return;
  ::kill(worker_, SIGTERM);
  kill_at_ = monotonic_now() + options_.shutdown_timeout + std::chrono::seconds(2);
}

Result<void> Supervisor::on_signal(int signal) {
  switch (signal) {
    case SIGTERM:
    case SIGINT:
      stopping_ = true;
      end_worker_gracefully();
      return {};
    case SIGUSR1:
      if (worker_ > 0) ::kill(worker_, SIGUSR1);
      return {};
    case SIGHUP:
      if (const auto reloaded = reload(); !reloaded) {
        log_error("the new configuration is not taken: " + reloaded.error().message);
      }
      return {};
    case SIGCHLD: return on_child_exit();
    default: return {};
  }
}

Result<void> Supervisor::reload() {
  const auto reloaded = options_.reload();
  if (!reloaded) return std::unexpected(reloaded.error());
  if (*reloaded == Reloaded::kTell) {
    log_info("the configuration is read again");
    if (worker_ > 0) ::kill(worker_, SIGHUP);
    return {};
  }
  log_info("the configuration is read again; the worker is replaced");
  replacing_ = true;
  end_worker_gracefully();
  return {};
}

Result<void> Supervisor::on_child_exit() {
  int status = 0;
  if (worker_ <= 0 || ::waitpid(worker_, &status, WNOHANG) != worker_) return {};
  worker_ = -1;
  socket_.reset();
  kill_at_ = {};
  if (stopping_) {
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    done_ = true;
    return {};
  }
  if (!replacing_) {
    log_warn("the worker " + describe_end(status) + "; starting another");
    quick_deaths_ = monotonic_now() - started_ < kQuick ? quick_deaths_ + 1 : 0;
    if (quick_deaths_ >= kQuickDeathsMax) {
      return fail("the worker " + describe_end(status) + ", " + std::to_string(quick_deaths_) +
                  " times in a row right after its start");
    }
  }
  replacing_ = false;
  ++generation_;
  return start_worker();
}

Result<int> Supervisor::run() {
  const sigset_t handled = handled_signals();
  ::sigprocmask(SIG_BLOCK, &handled, nullptr);
  const Fd signals(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.valid()) return fail_errno(errno, "create", "a signal descriptor");
  if (auto started = start_worker(); !started) return std::unexpected(started.error());
  while (!done_) {
    pollfd watched[2] = {{signals.get(), POLLIN, 0}, {socket_.valid() ? socket_.get() : -1, POLLIN, 0}};
    ::poll(watched, 2, kill_at_.ns != 0 ? 100 : -1);
    if (kill_at_.ns != 0 && monotonic_now() > kill_at_ && worker_ > 0) ::kill(worker_, SIGKILL);
    signalfd_siginfo info;
    while (!done_ && ::read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (auto handled_one = on_signal(static_cast<int>(info.ssi_signo)); !handled_one) {
        return std::unexpected(handled_one.error());
      }
    }
    if (socket_.valid() && watched[1].fd == socket_.get() && (watched[1].revents & (POLLIN | POLLHUP)) != 0) {
      const auto alive = server_.answer_one(socket_.get(), generation_);
      if (!alive) log_warn(alive.error().message);
      if (!alive || !*alive) socket_.reset();  // its end is reported by SIGCHLD
    }
  }
  return exit_code_;
}

}  // namespace telegen
