// `telegen worker`: the process without privileges. Started by the loader only, with its end of the socketpair as
// descriptor 3; everything it works with comes through that.
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "base/log.h"
#include "base/memory.h"
#include "commands.h"
#include "control/api/listen.h"
#include "control/api/server.h"
#include "control/api/spans_json.h"
#include "control/config/load.h"
#include "control/config/printer.h"
#include "discovery/candidates.h"
#include "discovery/status.h"
#include "event_loop.h"
#include "exit_code.h"
#include "loader/handoff/client.h"
#include "loader/handoff/confine.h"
#include "log_level.h"
#include "partly_traced.h"
#include "scope.h"
#include "shard_options.h"
#include "span_pipeline.h"
#include "version.h"
#include "worker_status.h"

namespace telegen::app {
namespace {

constexpr int kLoaderSocket = 3;
constexpr std::size_t kLargestConnections = 1ULL << 30;  // 4 Mi connections
constexpr std::size_t kLargestSettings = 4 << 20;
constexpr std::size_t kLargestText = 4096;
constexpr auto kUnknownProcessWait = std::chrono::milliseconds(100);
constexpr auto kFirstLook = std::chrono::seconds(10);
constexpr auto kUnreadyAfter = std::chrono::seconds(60);
constexpr auto kLongestRecording = std::chrono::hours(24);
constexpr int kSecondsBetweenTrims = 10;

// The catalog's way to the loader, which others of the worker use as well.
class SharedClient final : public PrivilegedProc {
 public:
  explicit SharedClient(LoaderClient& client) : client_(client) {}
  Result<std::string> read(std::uint32_t pid, ProcFile file) override { return client_.read(pid, file); }
  Result<Fd> open_executable(std::uint32_t pid) override { return client_.open_executable(pid); }

 private:
  LoaderClient& client_;
};

std::string memory_file_path(Fd& fd) {
  return fd.valid() ? "/proc/self/fd/" + std::to_string(fd.get()) : std::string();
}

class Worker {
 public:
  Worker() : client_(Fd(kLoaderSocket)) {}
  Result<void> run();

 private:
  Result<void> take_kit();
  Result<TlsMaterial> take_tls();
  Result<void> start_pipeline(TlsMaterial tls);
  Result<void> start_catalog();
  Result<void> start_events();
  Result<void> start_api();
  void learn_running_processes();
  void enrich(std::span<Span> spans);
  void select(const ProcessInfo& info, const Decision& decision);
  std::optional<std::string> why_export_is_not_ready() const;
  void wait_for_the_end();
  void log_status() const;
  void shut_down();

  LoaderClient client_;
  WorkerKit kit_;
  Settings settings_;
  Scope scope_;
  MetricRegistry metrics_;
  std::unique_ptr<KernelCounters> counters_;
  std::unique_ptr<SpanPipeline> pipeline_;
  std::unique_ptr<ProcessCatalog> catalog_;  // gone before the pipeline, whose waiting spans it names
  std::unique_ptr<PartlyTraced> partly_traced_;
  std::unique_ptr<EventLoop> events_;
  std::unique_ptr<ApiServer> api_;
};

Result<void> Worker::take_kit() {
  auto kit = client_.hello();
  if (!kit) return std::unexpected(kit.error());
  kit_ = std::move(*kit);
  const auto document = read_whole(kit_[KitDescriptor::kSettings].get(), kLargestSettings);
  if (!document) return std::unexpected(document.error());
  auto settings = settings_from_yaml(*document, "the loader's settings");
  if (!settings) return std::unexpected(settings.error());
  settings_ = std::move(*settings);
  auto scope = make_scope(settings_.discovery);
  if (!scope) return std::unexpected(scope.error());
  scope_ = std::move(*scope);
  scope_.selection.own_pids = {static_cast<std::uint32_t>(::getpid()), static_cast<std::uint32_t>(::getppid())};
  auto counters = KernelCounters::open(kit_[KitDescriptor::kCounters].get());
  if (!counters) return std::unexpected(counters.error());
  counters_ = std::make_unique<KernelCounters>(std::move(*counters));
  counters_->expose(metrics_);
  return {};
}

// The loader has read the files and sends their contents, which are opened again under other names.
Result<TlsMaterial> Worker::take_tls() {
  TlsSettings tls = settings_.otlp.tls;
  tls.ca_file = memory_file_path(kit_[KitDescriptor::kTlsAuthorities]);
  tls.cert_file = memory_file_path(kit_[KitDescriptor::kTlsCertificate]);
  tls.key_file = memory_file_path(kit_[KitDescriptor::kTlsKey]);
  return load_tls_material(tls);
}

Result<void> Worker::start_pipeline(TlsMaterial tls) {
  PipelineWorld world{.metrics = metrics_,
                      .enrich = [this](std::span<Span> spans) { enrich(spans); },
                      .tls = std::move(tls),
                      .open_output = {}};
  if (kit_[KitDescriptor::kOutputFile].valid()) {
    world.open_output = [this](int generation) -> Result<Fd> {
      if (generation == 0) return std::move(kit_[KitDescriptor::kOutputFile]);
      return client_.rotate_output();
    };
  }
  auto pipeline = SpanPipeline::start(settings_, std::move(world));
  if (!pipeline) return std::unexpected(pipeline.error());
  pipeline_ = std::move(*pipeline);
  return {};
}

Result<void> Worker::start_catalog() {
  CatalogOptions options;
  options.agent_version = kVersion;
  if (kit_[KitDescriptor::kRecording].valid()) {  // its processes are written at its end
    options.keep_exited = kLongestRecording;
    options.max_exited = options.max_processes;
  }
  CatalogListeners listeners{
      .learned = [this](const ProcessInfo& info, const Decision& decision) { select(info, decision); },
      .before_forgetting = [this](const ResourcesByProcess& ended) { pipeline_->queue().resolve(ended); }};
  catalog_ = std::make_unique<ProcessCatalog>(std::move(options), read_host(), scope_.selection,
                                              std::make_unique<SharedClient>(client_), metrics_, std::move(listeners));
  std::string io_uring_unseen;
  if (const Fd& why = kit_[KitDescriptor::kUnseenIoUring]; why.valid()) {
    auto text = read_whole(why.get(), kLargestText);
    if (!text) return std::unexpected(text.error());
    io_uring_unseen = std::move(*text);
  }
  partly_traced_ = std::make_unique<PartlyTraced>(std::move(io_uring_unseen), *catalog_, metrics_);
  learn_running_processes();
  return {};
}

void Worker::learn_running_processes() {
  const auto running = candidates(scope_.selection.instrument, scope_.mounts, "/proc");
  if (!running) return log_warn("processes that already run are not traced: " + running.error().message);
  if (running->truncated) log_warn("more processes run than can be known; some are not traced");
  for (const std::uint32_t pid : running->pids) catalog_->learn(pid);
}

// What the kernel decided by its rules stands unless more is known now; what it left open is decided here.
void Worker::select(const ProcessInfo& info, const Decision& decision) {
  if (decision.selected == Matched::kUnknown) return;
  const auto done = client_.select(info.pid, decision.selected == Matched::kYes);
  if (!done && done.error().code != EPERM) log_debug(done.error().message);
}

void Worker::enrich(std::span<Span> spans) {
  for (Span& span : spans) {
    if (span.resource) continue;
    span.resource = catalog_->find(span.process);
    if (!span.resource) span.resource = catalog_->wait_for(span.process, kUnknownProcessWait);
    if (!span.resource) span.resource = catalog_->resource_for_unknown(span.process);
  }
}

Result<void> Worker::start_events() {
  auto reader = RingReader::open(kit_[KitDescriptor::kRing].get(), kit_.ring_bytes);
  if (!reader) return std::unexpected(reader.error());
  EventLoopParts parts{.reader = std::move(*reader),
                       .shard = Shard(shard_options(settings_), Random::from_kernel(), metrics_),
                       .recorder = std::nullopt,
                       .connections = {}};
  if (const Fd& known = kit_[KitDescriptor::kConnections]; known.valid()) {
    auto records = read_whole(known.get(), kLargestConnections);
    if (!records) return std::unexpected(records.error());
    parts.connections = std::move(*records);
  }
  if (Fd& file = kit_[KitDescriptor::kRecording]; file.valid()) {
    auto recorder = Recorder::start(std::move(file), measure_clock_offset());
    if (!recorder) return std::unexpected(recorder.error());
    parts.recorder.emplace(std::move(*recorder));
  }
  events_ = std::make_unique<EventLoop>(std::move(parts), *catalog_, pipeline_->intake(), metrics_);
  metrics_.observe("telegen_ring_bytes", "Size of the ring.", MetricKind::kGauge, {},
                   [this] { return static_cast<double>(events_->ring_size()); });
  metrics_.observe("telegen_ring_used_bytes", "Bytes in the ring that were not taken out yet.", MetricKind::kGauge, {},
                   [this] { return static_cast<double>(events_->ring_fill()); });
  return {};
}

std::optional<std::string> Worker::why_export_is_not_ready() const {
  const ExportStatus status = pipeline_->loop().status();
  if (!status.retrying || monotonic_now() - status.delivered < kUnreadyAfter) return std::nullopt;
  return status.complaint;
}

Result<void> Worker::start_api() {
  if (!kit_[KitDescriptor::kApiListener].valid()) return {};
  ApiDependencies api;
  api.metrics = &metrics_;
  api.status["ebpf"] = [this] { return ebpf_status(*counters_, *events_, kit_.generation); };
  api.status["export"] = [this] {
    return export_status(pipeline_->loop().status(), pipeline_->destinations(), monotonic_now());
  };
  api.status["queues"] = [this] { return queues_status(pipeline_->queue().accounting()); };
  api.status["discovery"] = [this] {
    return discovery_status(catalog_->snapshot(), partly_traced_->io_uring_unseen());
  };
  api.ready["export"] = [this] { return why_export_is_not_ready(); };
  api.config_json = [this] { return to_json(settings_); };
  api.spans_json = [this] { return spans_json(pipeline_->recent().snapshot()); };
  api.flush = [this]() -> Result<void> {
    if (pipeline_->loop().flush(std::chrono::seconds(4))) return {};
    return fail("not everything could be sent within 4 s");
  };
  api.bearer_token = settings_.self_telemetry.bearer_token;
  api.version = kVersion;
  auto server = ApiServer::start(std::move(kit_[KitDescriptor::kApiListener]), std::move(api));
  if (!server) return std::unexpected(server.error());
  api_ = std::move(*server);
  return {};
}

void Worker::log_status() const {
  const Accounting account = pipeline_->queue().accounting();
  log_info("spans received " + std::to_string(account.received) + ", exported " + std::to_string(account.exported) +
           ", held " + std::to_string(account.held) + "; ring records " +
           std::to_string(counters_->value(TG_COUNT_EVENTS)) + ", lost " +
           std::to_string(counters_->value(TG_COUNT_RING_FULL)));
}

// Until a signal asks for it or the loader has gone (then its end of the socketpair is closed).
void Worker::wait_for_the_end() {
  sigset_t awaited;
  ::sigemptyset(&awaited);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) ::sigaddset(&awaited, signal);
  for (int seconds = 1;; ++seconds) {
    // Here, as it locks the allocator for a moment: nothing waits for this thread.
    if (seconds % kSecondsBetweenTrims == 0) {
      pipeline_->recent().tidy();
      release_free_memory();
    }
    const timespec second{1, 0};
    const int signal = ::sigtimedwait(&awaited, nullptr, &second);
    if (signal == SIGTERM) return;
    partly_traced_->tell(monotonic_now());
    if (signal == SIGUSR1) log_status();  // SIGINT: the terminal sends it to both, and the loader decides
    pollfd loader{client_.fd(), 0, 0};
    if (::poll(&loader, 1, 0) == 1 && (loader.revents & (POLLHUP | POLLERR)) != 0) {
      log_warn("the loader has gone; what is held is sent, then this process ends");
      return;
    }
  }
}

void Worker::shut_down() {
  events_->stop();
  pipeline_->loop().stop();
  log_status();
}

Result<void> Worker::run() {
  sigset_t blocked;  // in every thread; the main one takes them when it is their turn
  ::sigemptyset(&blocked);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGPIPE, SIGHUP}) ::sigaddset(&blocked, signal);
  ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
  ::prctl(PR_SET_NAME, "telegen-worker");  // executed through a descriptor, it would be called by its number
  if (auto taken = take_kit(); !taken) return taken;
  configure_logging(log_level_of(settings_.telegen.log_level), settings_.telegen.log_format, "worker");
  auto curl = CurlRuntime::start();
  if (!curl) return std::unexpected(curl.error());
  auto tls = take_tls();
  if (!tls) return std::unexpected(tls.error());
  if (auto restricted = restrict_system_calls(); !restricted) return restricted;
  if (auto started = start_pipeline(std::move(*tls)); !started) return started;
  if (auto started = start_catalog(); !started) return started;
  if (auto started = start_events(); !started) return started;
  // Ready means that what already runs is traced.
  if (!catalog_->drain(kFirstLook))
    log_warn("not every running process could be looked at within 10 s; the rest follows");
  release_startup_memory();  // before the API calls it ready: it reads this process's own memory map
  if (auto started = start_api(); !started) return started;
  std::string destinations;
  for (const std::string& one : pipeline_->destinations()) destinations += (destinations.empty() ? "" : ", ") + one;
  log_info("tracing; spans go to " +
           (destinations.empty() ? "the API only (no endpoint is configured)" : destinations) +
           (api_ ? "; API on http://" + listen_text(api_->address()) : ""));
  wait_for_the_end();
  shut_down();
  return {};
}

}  // namespace

int run_worker(const WorkerOptions& options) {
  if (options.self_check) return run_self_check();
  const auto ended = Worker().run();
  if (ended) return kSuccess;
  std::fprintf(stderr, "telegen worker: %s\n", ended.error().message.c_str());
  return exit_code(ended.error().kind);
}

}  // namespace telegen::app
