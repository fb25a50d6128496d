// `telegen run` and `telegen record`: the privileged process. It checks, loads, attaches, then only serves its worker.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/log.h"
#include "base/memory.h"
#include "commands.h"
#include "control/api/listen.h"
#include "control/config/printer.h"
#include "delivery_plan.h"
#include "exit_code.h"
#include "export/file.h"
#include "load_rules.h"
#include "loader/attach/probes.h"
#include "loader/handoff/queue_segments.h"
#include "loader/handoff/supervisor.h"
#include "log_level.h"
#include "probing.h"
#include "resources.h"
#include "scope.h"

namespace telegen::app {
namespace {

// What of the agent's environment the worker gets. Its configuration comes as a document; the rest is for libraries.
constexpr std::array kPassedOn = {
    "TZ",           "LANG",       "LC_ALL",       "TERM",          "NO_COLOR",     "SSL_CERT_FILE",
    "SSL_CERT_DIR", "http_proxy", "HTTPS_PROXY",  "https_proxy",   "ALL_PROXY",    "all_proxy",
    "NO_PROXY",     "no_proxy",   "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"};

// How much longer than its shutdown_timeout the worker of an agent that was killed may take to end.
constexpr auto kWorkerEnds = std::chrono::seconds(3);

std::vector<std::string> worker_environment() {
  std::vector<std::string> environment;
  for (const char* name : kPassedOn) {
    if (const char* value = std::getenv(name); value != nullptr) environment.push_back(std::string(name) + "=" + value);
  }
  return environment;
}

// Everything else is put together when a worker starts.
bool applies_in_place(Settings before, const Settings& after) {
  before.otlp = after.otlp;
  before.backoff = after.backoff;
  before.pipeline = after.pipeline;
  before.span_metrics = after.span_metrics;
  before.discovery = after.discovery;
  before.queues.traces = after.queues.traces;
  before.queues.metrics = after.queues.metrics;
  before.queues.logs = after.queues.logs;
  before.output.console = after.output.console;
  return to_yaml(before, Secrets::kReveal) == to_yaml(after, Secrets::kReveal);
}

class Loader {
 public:
  explicit Loader(LoadRequest request) : request_(with_rules(std::move(request))) {}
  Result<int> run(const std::string& recording);

 private:
  Result<void> configure();
  Result<void> open_kit(const std::string& recording);
  Result<void> refresh_kit();
  Result<bool> refresh_tls();
  Result<void> tell_of_io_uring(const Probing& probing);
  Result<Reloaded> reload(LoaderServer& server);
  void prepare_worker(LoaderServer& server);
  LoaderServices services();
  int kit_fd(KitDescriptor d) const { return kit_[static_cast<std::size_t>(d)].get(); }
  Fd& kit(KitDescriptor d) { return kit_[static_cast<std::size_t>(d)]; }

  LoadRequest request_;
  Settings settings_;
  Scope scope_;
  std::unique_ptr<Probes> probes_;
  DirectProc proc_;
  std::array<Fd, kKitDescriptors> kit_;
  std::string tls_files_;  // as they were handed over
  BudgetPlan budgets_;
  std::optional<QueueSegments> segments_;
  int output_generation_ = 0;
};

Result<void> Loader::configure() {
  auto loaded = load_settings(request_);
  if (!loaded) return std::unexpected(loaded.error());
  auto scope = make_scope(loaded->settings.discovery);
  if (!scope) return std::unexpected(scope.error());
  budgets_ = fit_to_limit(loaded->settings, environment_or_none());
  if (auto plan = delivery_plan(loaded->settings, read_tls_file); !plan) return std::unexpected(plan.error());
  settings_ = std::move(loaded->settings);
  scope_ = std::move(*scope);
  return {};
}

// What depends on the configuration and nothing else; made again when it is read again.
Result<void> Loader::refresh_kit() {
  if (auto refreshed = refresh_tls(); !refreshed) return std::unexpected(refreshed.error());
  auto document = make_memory_file("telegen-settings", to_yaml(settings_, Secrets::kReveal));
  if (!document) return std::unexpected(document.error());
  kit(KitDescriptor::kSettings) = std::move(*document);
  return {};
}

// Only root may read some of them. True: they are not what they were.
Result<bool> Loader::refresh_tls() {
  const auto files = read_tls_files(settings_);
  if (!files) return std::unexpected(files.error());
  std::string text = packed(*files);
  if (kit(KitDescriptor::kTlsFiles).valid() && text == tls_files_) return false;
  auto memory = make_memory_file("telegen-tls", text);
  if (!memory) return std::unexpected(memory.error());
  kit(KitDescriptor::kTlsFiles) = std::move(*memory);
  tls_files_ = std::move(text);
  return true;
}

Result<void> Loader::open_kit(const std::string& recording) {
  if (auto refreshed = refresh_kit(); !refreshed) return refreshed;
  if (!settings_.self_telemetry.listen.empty()) {
    auto address = parse_listen(settings_.self_telemetry.listen);
    if (!address) return std::unexpected(address.error());
    auto listener = open_listener(*address);
    if (!listener) return std::unexpected(listener.error());
    kit(KitDescriptor::kApiListener) = std::move(*listener);
  }
  if (const FileOutputSettings& file = settings_.output.file; !file.path.empty()) {
    auto opened = open_rotated(file.path, file.max_files, 0);
    if (!opened) return std::unexpected(opened.error());
    kit(KitDescriptor::kOutputFile) = std::move(*opened);
  }
  auto segments =
      QueueSegments::open(settings_.queues.spool.directory, settings_.telegen.shutdown_timeout + kWorkerEnds);
  if (!segments) return std::unexpected(segments.error());
  segments_ = std::move(*segments);
  if (!recording.empty()) {
    kit(KitDescriptor::kRecording) =
        Fd(::open(recording.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!kit(KitDescriptor::kRecording).valid()) return fail_errno(errno, "create", recording);
  }
  return {};
}

Result<void> Loader::tell_of_io_uring(const Probing& probing) {
  const auto unseen = unseen_io_uring(probing.plan, probing.capabilities);
  if (!unseen) return {};
  auto text = make_memory_file("telegen-io-uring", unseen->why);
  if (!text) return std::unexpected(text.error());
  kit(KitDescriptor::kUnseenIoUring) = std::move(*text);
  return {};
}

LoaderServices Loader::services() {
  LoaderServices services;
  for (std::size_t i = 0; i < kKitDescriptors; ++i) services.kit[i] = kit_[i].get();
  services.kit[static_cast<std::size_t>(KitDescriptor::kRing)] = probes_->ring_fd();
  services.kit[static_cast<std::size_t>(KitDescriptor::kCounters)] = probes_->counters_fd();
  services.kit[static_cast<std::size_t>(KitDescriptor::kSpoolLock)] = segments_ ? segments_->lock_fd() : -1;
  services.ring_bytes = probes_->ring_bytes();
  const auto own = static_cast<std::uint32_t>(::getpid());
  services.may_trace = [this, own](std::uint32_t pid) {
    return pid != own && (probes_->is_selected(pid) || may_trace(scope_, pid));
  };
  services.set_selected = [this](std::uint32_t pid, bool selected) { probes_->set_selected(pid, selected); };
  services.set_capture = [this](std::uint32_t bytes) { probes_->set_capture_bytes(bytes); };
  services.rotate_output = [this]() -> Result<Fd> {
    const FileOutputSettings& file = settings_.output.file;
    if (file.path.empty()) return fail("no output file is configured");
    return open_rotated(file.path, file.max_files, ++output_generation_);
  };
  services.open_segment = [this](SegmentPlace place) { return segments_->segment(place); };
  services.list_segments = [this] { return segments_->existing(); };
  return services;
}

// All or nothing: what was in effect stays so where anything of the new configuration is refused.
Result<Reloaded> Loader::reload(LoaderServer& server) {
  const Settings before = settings_;
  Scope scope_before = scope_;
  if (auto configured = configure(); !configured) return std::unexpected(configured.error());
  if (auto refreshed = refresh_kit(); !refreshed) {
    settings_ = before;
    scope_ = std::move(scope_before);
    return std::unexpected(refreshed.error());
  }
  for (const KitDescriptor d : {KitDescriptor::kSettings, KitDescriptor::kTlsFiles}) server.hand_over(d, kit_fd(d));
  probes_->set_rules(scope_.rules.rules);
  // What is traced now and may not be any more. What may be from now on the worker finds.
  for (const std::uint32_t pid : probes_->selected()) {
    if (!may_trace(scope_, pid)) probes_->set_selected(pid, false);
  }
  for (const std::string& note : scope_.rules.notes) log_warn(note);
  return applies_in_place(before, settings_) ? Reloaded::kTell : Reloaded::kReplace;
}

// The first worker finds no connections; a later one those that were announced to the one before.
void Loader::prepare_worker(LoaderServer& server) {
  probes_->next_epoch();
  auto connections = make_memory_file("telegen-connections", probes_->describe_connections());
  if (!connections) return log_warn(connections.error().message);
  kit(KitDescriptor::kConnections) = std::move(*connections);
  server.hand_over(KitDescriptor::kConnections, kit_fd(KitDescriptor::kConnections));
}

Result<int> Loader::run(const std::string& recording) {
  if (auto configured = configure(); !configured) return std::unexpected(configured.error());
  configure_logging(log_level_of(settings_.telegen.log_level), settings_.telegen.log_format, "loader");
  for (const std::string& line : in_words(budgets_)) log_warn(line);
  if (!settings_.agent.ebpf.enabled) {
    return fail("agent.ebpf.enabled is false, and this build has no source but eBPF: there is nothing to do",
                ErrorKind::kConfiguration);
  }
  const auto probing = probe_kernel(settings_.agent.ebpf);
  if (!probing) return std::unexpected(probing.error());
  if (auto opened = open_kit(recording); !opened) return std::unexpected(opened.error());
  auto probes = Probes::attach(probing->plan, settings_.agent.ebpf);
  if (!probes) return std::unexpected(probes.error());
  probes_ = std::make_unique<Probes>(std::move(*probes));
  for (const std::string& failure : probes_->failures()) log_warn(failure);
  for (const std::string& note : scope_.rules.notes) log_warn(note);
  probes_->set_rules(scope_.rules.rules);
  if (auto told = tell_of_io_uring(*probing); !told) return std::unexpected(told.error());
  if (auto kept = keep_loader_capabilities(); !kept) return std::unexpected(kept.error());

  LoaderServices offered = services();
  LoaderServer* asked = nullptr;
  offered.refresh_tls = [this, &asked]() -> Result<bool> {
    auto changed = refresh_tls();
    if (changed && *changed) asked->hand_over(KitDescriptor::kTlsFiles, kit_fd(KitDescriptor::kTlsFiles));
    return changed;
  };
  LoaderServer server(std::move(offered), proc_);
  asked = &server;
  SupervisorOptions options;
  options.shutdown_timeout = settings_.telegen.shutdown_timeout;
  options.arguments = {"telegen", "worker"};
  options.environment = worker_environment();
  options.user = worker_user();
  options.before_start = [this, &server] { prepare_worker(server); };
  options.reload = [this, &server] { return reload(server); };
  release_startup_memory();
  return Supervisor(std::move(options), server).run();
}

int run_loader(const LoadRequest& request, const std::string& recording) {
  const auto ended = Loader(request).run(recording);
  if (ended) return *ended;
  std::fprintf(stderr, "telegen: %s\n", ended.error().message.c_str());
  return exit_code(ended.error().kind);
}

}  // namespace

int run_agent(const RunOptions& options) { return run_loader(options.load, {}); }

int run_record(const RecordOptions& options) { return run_loader(options.run.load, options.file); }

}  // namespace telegen::app
