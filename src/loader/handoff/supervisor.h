// Keeps one worker alive: starts it confined, answers its requests, starts another when it dies (the ring keeps what
// comes meanwhile), passes signals on, ends it in order. Runs on the loader's only thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "loader/handoff/confine.h"
#include "loader/handoff/server.h"

namespace telegen {

// What is to be done with the worker once a new configuration is taken.
enum class Reloaded : std::uint8_t {
  kTell,     // it applies the change itself, told by SIGHUP
  kReplace,  // another one starts with it
};

struct SupervisorOptions {
  Duration shutdown_timeout = std::chrono::seconds(10);
  std::vector<std::string> arguments;    // of the worker's command line, argv[0] included
  std::vector<std::string> environment;  // NAME=value; all that it gets
  WorkerUser user;
  std::function<void()> before_start;        // each time, before a worker starts (a new epoch)
  std::function<Result<Reloaded>()> reload;  // check the new configuration and take it, or leave all as it is
};

class Supervisor {
 public:
  Supervisor(SupervisorOptions options, LoaderServer& server) : options_(std::move(options)), server_(server) {
    server_.set_reload([this] { return reload(); });  // as SIGHUP does
  }
  // Blocks SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGCHLD for this process. Returns the exit code when a signal ended the
  // agent, or an error when workers die as fast as they start.
  Result<int> run();

 private:
  Result<void> start_worker();
  Result<void> on_signal(int signal);
  Result<void> reload();
  Result<void> on_child_exit();
  void end_worker_gracefully();
  SupervisorOptions options_;
  LoaderServer& server_;
  Fd socket_;
  int worker_ = -1;
  int exit_code_ = 0;
  std::uint32_t generation_ = 0;
  bool stopping_ = false;
  bool replacing_ = false;
  bool done_ = false;
  int quick_deaths_ = 0;
  Time started_;
  Time kill_at_;
};

}  // namespace telegen
