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

struct SupervisorOptions {
  Duration shutdown_timeout = std::chrono::seconds(10);
  std::vector<std::string> arguments;    // of the worker's command line, argv[0] included
  std::vector<std::string> environment;  // NAME=value; all that it gets
  WorkerUser user;
  std::function<void()> before_start;  // each time, before a worker starts (a new epoch)
  std::function<Result<void>()>
      reload;  // SIGHUP: check and take the new configuration; the worker is replaced if it succeeds
};

class Supervisor {
 public:
  Supervisor(SupervisorOptions options, LoaderServer& server) : options_(std::move(options)), server_(server) {}
  // Blocks SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGCHLD for this process. Returns the exit code when a signal ended the
  // agent, or an error when workers die as fast as they start.
  Result<int> run();

 private:
  Result<void> start_worker();
  Result<void> on_signal(int signal);
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
