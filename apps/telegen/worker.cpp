// `telegen worker`: the process without privileges. Started by the loader only, with its end of the socketpair as
// descriptor 3; everything it works with comes through that.
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <cstdio>
#include <mutex>

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
#include "resources.h"
#include "scope.h"
#include "self_telemetry.h"
#include "shard_options.h"
#include "signal_pipeline.h"
#include "version.h"
#include "worker_status.h"

namespace telegen::app {
namespace {

constexpr int kLoaderSocket = 3;
constexpr std::size_t kLargestConnections = 1ULL << 30;  // 4 Mi connections
constexpr std::size_t kLargestSettings = 4 << 20;
constexpr std::size_t kLargestText = 4096;
constexpr std::size_t kLargestTlsFiles = 64 << 20;
constexpr auto kBatchOnItsWay = std::chrono::seconds(5);
constexpr auto kReloadTakes = std::chrono::seconds(4);
constexpr auto kSelectionTakes = std::chrono::seconds(3);
constexpr auto kUnknownProcessWait = std::chrono::milliseconds(100);
constexpr auto kFirstLook = std::chrono::seconds(10);
constexpr auto kUnreadyAfter = std::chrono::seconds(60);
constexpr auto kLongestRecording = std::chrono::hours(24);
constexpr int kSecondsBetweenTrims = 10;
constexpr int kSecondsBetweenCertificates = 10;

// The catalog's way to the loader, which others of the worker use as well.
class SharedClient final : public PrivilegedProc {
 public:
  explicit SharedClient(LoaderClient& client) : client_(client) {}
  Result<std::string> read(std::uint32_t pid, ProcFile file) override { return client_.read(pid, file); }
  Result<Fd> open_executable(std::uint32_t pid) override { return client_.open_executable(pid); }

 private:
  LoaderClient& client_;
};

// Segments of the queues, which the loader keeps.
class LoaderSegments final : public SegmentSource {
 public:
  explicit LoaderSegments(LoaderClient& client) : client_(client) {}
  Result<Fd> open(SegmentSlot slot) override {
    auto file = client_.open_segment({slot.medium == SegmentMedium::kDisk ? 1U : 0U, slot.number});
    if (file || slot.medium == SegmentMedium::kDisk || !client_.is_gone()) return file;
    Fd own(::memfd_create("telegen-queue", MFD_CLOEXEC));  // for what this process still sends before it ends
    if (!own.valid()) return fail_errno(errno, "create", "a memory file");
    return own;
  }
  Result<std::vector<SegmentSlot>> existing() override {
    const auto places = client_.list_segments();
    if (!places) return std::unexpected(places.error());
    std::vector<SegmentSlot> slots;
    for (const SegmentPlace& place : *places) {
      slots.push_back({place.disk != 0 ? SegmentMedium::kDisk : SegmentMedium::kMemory, place.number});
    }
    return slots;
  }

 private:
  LoaderClient& client_;
};

ReadTlsFile look_into(TlsFiles files) {
  return [files = std::move(files)](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return fail("open " + path + ": the loader did not hand it over");
    return found->second;
  };
}

class Worker {
 public:
  Worker() : client_(Fd(kLoaderSocket)) {}
  Result<void> run();

 private:
  Result<void> take_kit();
  static Result<Settings> settings_of(WorkerKit& kit);
  Result<ReadTlsFile> tls_of(WorkerKit& kit);
  Result<void> apply_discovery();
  Result<void> start_pipeline(ReadTlsFile read_tls);
  Result<void> start_catalog();
  Result<void> start_events();
  Result<void> start_api();
  void learn_running_processes();
  void enrich(std::span<Span> spans);
  void select(const ProcessInfo& info, const Decision& decision);
  std::optional<std::string> why_export_is_not_ready() const;
  Result<void> reload();
  void apply_new_settings();
  void look_at_certificates();
  void wait_for_the_end();
  void log_status() const;
  void shut_down();

  LoaderClient client_;
  LoaderSegments segments_{client_};
  WorkerKit kit_;
  mutable std::mutex settings_mutex_;  // of the settings, which the API shows while they change
  Settings settings_;
  std::uint64_t applied_ = 0;  // changes, those that failed included
  Result<void> last_change_;
  bool ending_ = false;
  std::condition_variable settings_changed_;
  bool has_tls_files_ = false;
  RepeatedLog certificates_log_;
  Scope scope_;
  MetricRegistry metrics_;
  std::shared_ptr<LogTap> log_tap_ = std::make_shared<LogTap>();  // the logger has it as well, which outlives this
  std::unique_ptr<KernelCounters> counters_;
  std::unique_ptr<SignalPipeline> pipeline_;
  std::unique_ptr<ProcessCatalog> catalog_;
  std::unique_ptr<PartlyTraced> partly_traced_;
  std::unique_ptr<EventLoop> events_;
  std::unique_ptr<Resources> resources_;
  std::unique_ptr<SelfTelemetry> self_telemetry_;
  ResourcePtr own_resource_;
  std::unique_ptr<ApiServer> api_;
};

Result<Settings> Worker::settings_of(WorkerKit& kit) {
  const auto document = read_whole(kit[KitDescriptor::kSettings].get(), kLargestSettings);
  if (!document) return std::unexpected(document.error());
  return settings_from_yaml(*document, "the loader's settings");
}

// The loader has read the files and sends their contents.
Result<ReadTlsFile> Worker::tls_of(WorkerKit& kit) {
  const auto text = read_whole(kit[KitDescriptor::kTlsFiles].get(), kLargestTlsFiles);
  if (!text) return std::unexpected(text.error());
  auto files = unpacked(*text);
  if (!files) return std::unexpected(files.error());
  has_tls_files_ = !files->empty();
  return look_into(*std::move(files));
}

Result<void> Worker::take_kit() {
  auto kit = client_.hello();
  if (!kit) return std::unexpected(kit.error());
  kit_ = std::move(*kit);
  auto settings = settings_of(kit_);
  if (!settings) return std::unexpected(settings.error());
  settings_ = std::move(*settings);
  if (auto applied = apply_discovery(); !applied) return applied;
  auto counters = KernelCounters::open(kit_[KitDescriptor::kCounters].get());
  if (!counters) return std::unexpected(counters.error());
  counters_ = std::make_unique<KernelCounters>(std::move(*counters));
  counters_->expose(metrics_);
  return {};
}

Result<void> Worker::apply_discovery() {
  auto scope = make_scope(settings_.discovery);
  if (!scope) return std::unexpected(scope.error());
  scope_ = std::move(*scope);
  scope_.selection.own_pids = {static_cast<std::uint32_t>(::getpid()), static_cast<std::uint32_t>(::getppid())};
  return {};
}

Result<void> Worker::start_pipeline(ReadTlsFile read_tls) {
  PipelineWorld world{.metrics = metrics_,
                      .segments = segments_,
                      .enrich = [this](std::span<Span> spans) { enrich(spans); },
                      .read_tls = std::move(read_tls),
                      .open_output = {}};
  if (kit_[KitDescriptor::kOutputFile].valid()) {
    world.open_output = [this](int generation) -> Result<Fd> {
      if (generation == 0) return std::move(kit_[KitDescriptor::kOutputFile]);
      return client_.rotate_output();
    };
  }
  auto pipeline = SignalPipeline::start(settings_, std::move(world));
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
  // Spans get their resource when their batch is taken, so a process is remembered for longer than a batch may wait.
  options.keep_exited = std::max(options.keep_exited, settings_.otlp.traces.batch_timeout + kBatchOnItsWay);
  const auto learned = [this](const ProcessInfo& info, const Decision& decision) { select(info, decision); };
  catalog_ = std::make_unique<ProcessCatalog>(std::move(options), read_host(), scope_.selection,
                                              std::make_unique<SharedClient>(client_), metrics_, learned);
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
  for (const SenderStatus& sender : pipeline_->delivery().senders()) {
    if (!sender.reachable && monotonic_now() - sender.unreachable_since >= kUnreadyAfter) return sender.complaint;
  }
  return std::nullopt;
}

Result<void> Worker::start_api() {
  if (!kit_[KitDescriptor::kApiListener].valid()) return {};
  ApiDependencies api;
  api.metrics = &metrics_;
  api.status["ebpf"] = [this] { return ebpf_status(*counters_, *events_, kit_.generation); };
  api.status["export"] = [this] {
    return export_status(pipeline_->delivery().senders(), pipeline_->destinations(), monotonic_now());
  };
  api.status["queues"] = [this] { return queues_status(pipeline_->delivery(), monotonic_now()); };
  api.status["discovery"] = [this] {
    return discovery_status(catalog_->snapshot(), partly_traced_->io_uring_unseen());
  };
  api.ready["export"] = [this] { return why_export_is_not_ready(); };
  api.config_json = [this] {
    const std::scoped_lock lock(settings_mutex_);
    return to_json(settings_);
  };
  api.spans_json = [this] { return spans_json(pipeline_->recent().snapshot()); };
  api.flush = [this]() -> Result<void> {
    if (pipeline_->flush(std::chrono::seconds(4))) return {};
    return fail("not everything could be sent within 4 s");
  };
  api.reload = [this] { return reload(); };
  api.bearer_token = settings_.self_telemetry.bearer_token;
  api.version = kVersion;
  auto server = ApiServer::start(std::move(kit_[KitDescriptor::kApiListener]), std::move(api));
  if (!server) return std::unexpected(server.error());
  api_ = std::move(*server);
  return {};
}

void Worker::log_status() const {
  const auto accounts = pipeline_->delivery().accounts(Signal::kTraces);
  std::string text = "spans received " + std::to_string(accounts.pipeline.received);
  for (const auto& [destination, account] : accounts.destinations) {
    text += "; " + destination + ": exported " + std::to_string(account.exported) + ", dropped " +
            std::to_string(account.dropped_in_all()) + ", held " + std::to_string(account.held);
  }
  log_info(text + "; ring records " + std::to_string(counters_->value(TG_COUNT_EVENTS)) + ", lost " +
           std::to_string(counters_->value(TG_COUNT_RING_FULL)));
}

// Asked for through the API: the loader reads the configuration, and tells this process by a signal as for its own HUP.
Result<void> Worker::reload() {
  std::unique_lock lock(settings_mutex_);
  const std::uint64_t before = applied_;
  lock.unlock();
  if (auto taken = client_.reload(); !taken) return taken;
  lock.lock();
  // Where this process is to be replaced, it ends, and another one begins with the new configuration.
  if (!settings_changed_.wait_for(lock, kReloadTakes, [&] { return ending_ || applied_ != before; })) {
    return fail("the configuration was taken, and is not in effect yet after 4 s");
  }
  return ending_ ? Result<void>() : last_change_;
}

// The loader has checked them, so what fails here is this process's, which another one with the same settings may not
// have.
void Worker::apply_new_settings() {
  const auto apply = [this]() -> Result<void> {
    auto kit = client_.hello();
    if (!kit) return std::unexpected(kit.error());
    auto settings = settings_of(*kit);
    if (!settings) return std::unexpected(settings.error());
    auto read_tls = tls_of(*kit);
    if (!read_tls) return std::unexpected(read_tls.error());
    if (auto applied = pipeline_->apply(*settings, *read_tls); !applied) return applied;
    {
      const std::scoped_lock lock(settings_mutex_);
      settings_ = std::move(*settings);
    }
    if (auto applied = apply_discovery(); !applied) return applied;
    catalog_->reselect(scope_.selection);
    learn_running_processes();
    // In effect means for every process that runs.
    if (!catalog_->drain(kSelectionTakes)) log_warn("not every process could be looked at again yet; the rest follows");
    return {};
  };
  const Result<void> applied = apply();
  if (!applied) {
    log_error("apply the new configuration: " + applied.error().message);
  } else {
    log_info("the new configuration is in effect");
  }
  {
    const std::scoped_lock lock(settings_mutex_);
    ++applied_;
    last_change_ = applied;
  }
  settings_changed_.notify_all();
}

// They are renewed while the agent runs, under the same names.
void Worker::look_at_certificates() {
  const auto apply = [this]() -> Result<void> {
    const auto changed = client_.refresh_tls();
    if (!changed) return std::unexpected(changed.error());
    if (!*changed) return {};
    auto kit = client_.hello();
    if (!kit) return std::unexpected(kit.error());
    auto read_tls = tls_of(*kit);
    if (!read_tls) return std::unexpected(read_tls.error());
    if (auto applied = pipeline_->apply(settings_, *read_tls); !applied) return applied;
    log_info("certificates have changed and are in use");
    return {};
  };
  if (const auto applied = apply(); !applied) {
    certificates_log_.warn(monotonic_now(), "the certificates stay as they are: " + applied.error().message);
  }
}

// Until a signal asks for it or the loader has gone (then its end of the socketpair is closed).
void Worker::wait_for_the_end() {
  sigset_t awaited;
  ::sigemptyset(&awaited);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGHUP}) ::sigaddset(&awaited, signal);
  for (int seconds = 1;; ++seconds) {
    // Here, as it locks the allocator for a moment: nothing waits for this thread.
    if (seconds % kSecondsBetweenTrims == 0) {
      pipeline_->recent().tidy();
      release_free_memory();
    }
    const timespec second{1, 0};
    const int signal = ::sigtimedwait(&awaited, nullptr, &second);
    if (signal == SIGTERM) return;
    if (signal == SIGHUP) apply_new_settings();
    pipeline_->tick(monotonic_now(), unix_now());
    if (has_tls_files_ && seconds % kSecondsBetweenCertificates == 0) look_at_certificates();
    partly_traced_->tell(monotonic_now());
    resources_->tick(monotonic_now());
    self_telemetry_->tick(settings_, own_resource_, monotonic_now(), unix_now());
    if (signal == SIGUSR1) log_status();  // SIGINT: the terminal sends it to both, and the loader decides
    if (client_.is_gone()) {
      log_warn("the loader has gone; what is held is sent, then this process ends");
      return;
    }
  }
}

void Worker::shut_down() {
  {
    // Whoever waits for a change must not hold up the end: until the next worker reads it, the ring only fills.
    const std::scoped_lock lock(settings_mutex_);
    ending_ = true;
  }
  settings_changed_.notify_all();
  events_->stop();
  self_telemetry_->finish(settings_, own_resource_, monotonic_now());
  pipeline_->stop(settings_.telegen.shutdown_timeout);
  log_status();
}

Result<void> Worker::run() {
  sigset_t blocked;  // in every thread; the main one takes them when it is their turn
  ::sigemptyset(&blocked);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGPIPE, SIGHUP}) ::sigaddset(&blocked, signal);
  ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
  ::prctl(PR_SET_NAME, "telegen-worker");  // executed through a descriptor, it would be called by its number
  if (auto taken = take_kit(); !taken) return taken;
  configure_logging(log_level_of(settings_.telegen.log_level), settings_.telegen.log_format, "worker", log_tap_);
  auto curl = CurlRuntime::start();
  if (!curl) return std::unexpected(curl.error());
  auto read_tls = tls_of(kit_);
  if (!read_tls) return std::unexpected(read_tls.error());
  if (auto restricted = restrict_system_calls(); !restricted) return restricted;
  if (auto started = start_pipeline(std::move(*read_tls)); !started) return started;
  if (auto started = start_catalog(); !started) return started;
  if (auto started = start_events(); !started) return started;
  resources_ = std::make_unique<Resources>(
      settings_, client_, [this](double scale) { pipeline_->sampling_scale().set(scale); }, metrics_);
  self_telemetry_ = std::make_unique<SelfTelemetry>(metrics_, *log_tap_, pipeline_->delivery(), unix_now());
  own_resource_ = own_resource(settings_, read_host());
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
