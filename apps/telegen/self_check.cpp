// `telegen worker --self-check`: shows what a worker that was taken over is refused. It is confined by the same
// functions as a worker, then tries. Each attempt is one that would succeed, or fail with another error, if it were not
// refused, and none leaves anything behind.
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "exit_code.h"
#include "loader/handoff/confine.h"

namespace telegen::app {
namespace {

constexpr const char* kAllowed = "allowed";

// What a system call returned, as text. Call it next to the system call: errno is read.
std::string outcome(long result) {
  if (result >= 0) return kAllowed;
  const char* name = ::strerrorname_np(errno);
  return name != nullptr ? name : std::to_string(errno);
}

std::string try_bpf() {
  union bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = 4;
  attributes.value_size = 4;
  attributes.max_entries = 1;
  return outcome(::syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes));
}

std::string try_fork() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  return outcome(child);
}

// Every user may write to /dev/null, and creating or truncating it changes nothing: only the filter refuses these.
std::string try_open(const char* path, int flags) { return outcome(::open(path, flags | O_CLOEXEC, 0600)); }

// A success is never seen here: the program prints the report that says so instead.
std::string try_execve(nlohmann::json report) {
  report["execve"] = kAllowed;
  std::string program = "echo";
  std::string text = report.dump();
  char* const arguments[] = {program.data(), text.data(), nullptr};
  char* const environment[] = {nullptr};
  return outcome(::execve("/bin/echo", arguments, environment));
}

}  // namespace

int run_self_check() {
  Result<void> confined = drop_privileges(worker_user());
  if (confined) confined = restrict_system_calls();
  if (!confined) {
    std::fprintf(stderr, "telegen worker: %s\n", confined.error().message.c_str());
    return exit_code(confined.error().kind);
  }
  nlohmann::json report;
  report["bpf"] = try_bpf();
  report["open_shadow"] = try_open("/etc/shadow", O_RDONLY);
  report["open_write"] = try_open("/dev/null", O_WRONLY);
  report["open_create"] = try_open("/dev/null", O_RDONLY | O_CREAT);
  report["open_truncate"] = try_open("/dev/null", O_RDONLY | O_TRUNC);
  report["packet_socket"] = outcome(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  report["fork"] = try_fork();
  report["mount"] = outcome(::mount("none", "/tmp", "no such file system", 0, nullptr));  // ENODEV, not a mount
  report["kill"] = outcome(::kill(1, 0));
  report["kill_own_user"] = outcome(::kill(::getpid(), 0));  // the right is there: only the filter refuses
  report["tiocsti"] = outcome(::ioctl(-1, TIOCSTI, " "));    // EBADF: nothing is ever typed
  report["ptrace"] = outcome(::ptrace(PTRACE_PEEKDATA, ::getpid(), nullptr, nullptr));  // ESRCH: not a tracee
  // Last, as a success would end this process.
  report["execve"] = try_execve(report);
  std::puts(report.dump().c_str());
  const bool refused =
      std::ranges::all_of(report, [](const nlohmann::json& text) { return text == "EPERM" || text == "EACCES"; });
  return refused ? kSuccess : kGeneral;
}

}  // namespace telegen::app
