#include <csignal>
#include <cstdio>
#include <ctime>

#include "api_client.h"
#include "commands.h"
#include "control/api/listen.h"
#include "exit_code.h"
#include "load_rules.h"
#include "status_text.h"

namespace telegen::app {
namespace {

struct Target {
  SocketAddress address;
  std::string token;
};

Result<Target> find_target(const StatusOptions& options) {
  const auto loaded = load_settings(with_rules(options.load));
  // With an address given, a broken configuration costs only the token.
  if (!loaded && (options.address.empty() || options.load.file)) return std::unexpected(loaded.error());
  const std::string listen = !options.address.empty() ? options.address : loaded->settings.self_telemetry.listen;
  if (listen.empty())
    return fail("self_telemetry.listen is empty, so the agent has no API to ask", ErrorKind::kConfiguration);
  const auto address = parse_listen(listen);
  if (!address)
    return while_doing(options.address.empty() ? "self_telemetry.listen" : "option --address", address.error());
  return Target{*address, loaded ? loaded->settings.self_telemetry.bearer_token : std::string()};
}

struct Snapshot {
  std::string status;
  std::string ready;
};

Result<Snapshot> ask(const Target& target) {
  auto status = api_get(target.address, "/status", target.token);
  if (!status) return std::unexpected(status.error());
  if (status->status == 401) {
    return fail(
        "the agent asks for its token; it is read from self_telemetry.auth.bearer_token of --config FILE or from "
        "TELEGEN_SELF_TELEMETRY_AUTH_BEARER_TOKEN",
        ErrorKind::kPermission);
  }
  if (status->status != 200) return fail("GET /status was answered with " + std::to_string(status->status));
  auto ready = api_get(target.address, "/readyz", target.token);
  if (!ready) return std::unexpected(ready.error());
  return Snapshot{std::move(status->body), std::move(ready->body)};
}

int report(const Error& error) {
  std::fprintf(stderr, "telegen: %s\n", error.message.c_str());
  return exit_code(error.kind);
}

// Waits a second or until INT or TERM; true: it goes on.
bool pause_a_second(const sigset_t& ends) {
  const timespec second{1, 0};
  return ::sigtimedwait(&ends, nullptr, &second) < 0;
}

}  // namespace

int run_status(const StatusOptions& options) {
  const auto target = find_target(options);
  if (!target) return report(target.error());
  const auto snapshot = ask(*target);
  if (!snapshot) return report(snapshot.error());
  const std::string text = options.json ? snapshot->status : status_text(snapshot->status, snapshot->ready);
  std::fputs(text.c_str(), stdout);
  return kSuccess;
}

int run_top(const StatusOptions& options) {
  const auto target = find_target(options);
  if (!target) return report(target.error());
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGINT);
  ::sigaddset(&ends, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  bool first = true;
  do {
    const auto snapshot = ask(*target);
    if (!snapshot && first) return report(snapshot.error());
    first = false;
    const std::string text =
        snapshot ? status_text(snapshot->status, snapshot->ready) : snapshot.error().message + "\n";
    std::printf("\x1b[H\x1b[2J%s\nCtrl-C ends\n", text.c_str());  // cursor home, clear the screen
    std::fflush(stdout);
  } while (pause_a_second(ends));
  std::puts("");
  return kSuccess;
}

}  // namespace telegen::app
