// `telegen replay FILE`: a recording through the same shard and pipeline as a live agent's events, with no privileges.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <unordered_map>

#include "base/log.h"
#include "commands.h"
#include "exit_code.h"
#include "ingest/recording.h"
#include "load_rules.h"
#include "log_level.h"
#include "shard_options.h"
#include "signal_pipeline.h"

namespace telegen::app {
namespace {

constexpr std::size_t kSpansAtOnce = 4096;

class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return fail_errno(errno, "open", path);
    struct stat about{};
    if (::fstat(file.get(), &about) != 0) return fail_errno(errno, "read", path);
    MappedFile mapped;
    mapped.size_ = static_cast<std::size_t>(about.st_size);
    if (mapped.size_ == 0) return fail("read " + path + ": it is empty");
    mapped.memory_ = ::mmap(nullptr, mapped.size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (mapped.memory_ == MAP_FAILED) return fail_errno(errno, "map", path);
    return mapped;
  }
  MappedFile(MappedFile&& other) noexcept : memory_(std::exchange(other.memory_, MAP_FAILED)), size_(other.size_) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile() {
    if (memory_ != MAP_FAILED) ::munmap(memory_, size_);
  }
  Bytes bytes() const { return {static_cast<const char*>(memory_), size_}; }

 private:
  MappedFile() = default;
  void* memory_ = MAP_FAILED;
  std::size_t size_ = 0;
};

using Resources = std::unordered_map<std::uint32_t, ResourcePtr>;

// Who the processes are stands at the recording's end, so it is read once for that alone.
Resources read_resources(Bytes file) {
  Resources resources;
  // A cut recording is reported by the second reading.
  static_cast<void>(replay_recording(
      file,
      {.started = [](ClockOffset) {},
       .record = [](Bytes) {},
       .process = [&](std::uint32_t pid,
                      Resource resource) { resources[pid] = std::make_shared<const Resource>(std::move(resource)); }}));
  return resources;
}

Result<void> replay(const ReplayOptions& options) {
  auto loaded = load_settings(with_rules(options.run.load));
  if (!loaded) return std::unexpected(loaded.error());
  const Settings& settings = loaded->settings;
  configure_logging(log_level_of(settings.telegen.log_level), settings.telegen.log_format, "replay");
  auto file = MappedFile::open(options.file);
  if (!file) return std::unexpected(file.error());
  auto curl = CurlRuntime::start();
  if (!curl) return std::unexpected(curl.error());
  const Resources resources = read_resources(file->bytes());
  const auto unknown = std::make_shared<const Resource>(Resource{{{"service.name", std::string("unknown_service")}}});
  MetricRegistry metrics;
  OwnMemory segments;
  PipelineWorld world{.metrics = metrics,
                      .segments = segments,
                      .enrich =
                          [&](std::span<Span> spans) {
                            for (Span& span : spans) {
                              const auto known = resources.find(span.process);
                              span.resource = known == resources.end() ? unknown : known->second;
                            }
                          },
                      .read_tls = read_tls_file,
                      .open_output = {}};
  if (const FileOutputSettings& output = settings.output.file; !output.path.empty()) {
    world.open_output = [&output](int generation) { return open_rotated(output.path, output.max_files, generation); };
  }
  auto pipeline = SignalPipeline::start(settings, std::move(world));
  if (!pipeline) return std::unexpected(pipeline.error());
  Shard shard(shard_options(settings), Random::from_kernel(), metrics);
  Counter& malformed = metrics.counter("telegen_ring_malformed_total", "Ring records that could not be read.");
  Time last{};
  const auto push = [&](std::size_t at_least) {
    if (shard.spans().size() < at_least) return;
    (*pipeline)->intake().push(std::exchange(shard.spans(), {}), monotonic_now());
  };
  const auto done = replay_recording(file->bytes(), {.started = [&](ClockOffset offset) { shard.set_clock(offset); },
                                                     .record =
                                                         [&](Bytes record) {
                                                           const auto event = decode_event(record);
                                                           if (!event) return malformed.add();
                                                           last = event->time;
                                                           shard.on_event(*event);
                                                           push(kSpansAtOnce);
                                                         },
                                                     .process = [](std::uint32_t, Resource) {}});
  shard.close_all(last);
  push(1);
  (*pipeline)->stop(settings.telegen.shutdown_timeout);
  const auto accounts = (*pipeline)->delivery().accounts(Signal::kTraces);
  std::uint64_t exported = 0;
  for (const auto& destination : accounts.destinations) exported += destination.account.exported;
  std::fprintf(stderr, "replayed %s: %llu spans, %llu exported\n", options.file.c_str(),
               static_cast<unsigned long long>(accounts.pipeline.received), static_cast<unsigned long long>(exported));
  if (malformed.value() > 0) log_warn(std::to_string(malformed.value()) + " records could not be read");
  return done;
}

}  // namespace

int run_replay(const ReplayOptions& options) {
  const auto ended = replay(options);
  if (ended) return kSuccess;
  std::fprintf(stderr, "telegen: %s\n", ended.error().message.c_str());
  return exit_code(ended.error().kind);
}

}  // namespace telegen::app
