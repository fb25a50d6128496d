#include "discovery/catalog.h"

#include <algorithm>
#include <utility>

#include "discovery/resource_builder.h"

namespace telegen {
namespace {

constexpr std::size_t kBatch = 256;           // requests carried out between two publications
constexpr std::size_t kMaxSecondLooks = 256;  // a tick
constexpr std::size_t kMaxMissing = 4096;
constexpr std::size_t kMaxPorts = 1024;
constexpr int kExecRetries = 3;
constexpr auto kExecPause = std::chrono::milliseconds(1);

// Looked at in the middle of execve(2): the kernel shows the new executable a moment before the new arguments and
// environment, which are empty until then. A few programs have no arguments for good.
bool in_exec(const ProcessInfo& info) { return !info.kernel_thread && !info.exe_path.empty() && info.args.empty(); }

}  // namespace

ProcessCatalog::ProcessCatalog(CatalogOptions options, HostInfo host, Selection selection,
                               std::unique_ptr<PrivilegedProc> privileged, MetricRegistry& metrics,
                               OnLearned on_learned)
    : options_(std::move(options)),
      host_(std::move(host)),
      selection_(std::move(selection)),
      privileged_(std::move(privileged)),
      on_learned_(std::move(on_learned)),
      inspections_(metrics.counter("telegen_discovery_inspections_total", "Processes looked at.")),
      failures_(metrics.counter("telegen_discovery_inspection_failures_total",
                                "Processes that were gone or unreadable when looked at.")),
      dropped_(metrics.counter("telegen_discovery_requests_dropped_total",
                               "Process events and questions lost because the queue was full.")),
      evicted_(metrics.counter("telegen_discovery_evicted_total",
                               "Processes forgotten before their time because the catalog was full.")),
      processes_(metrics.gauge("telegen_discovery_processes", "Processes known, recently exited ones included.")),
      inspector_{options_.proc_root, &host_, privileged_.get(), &executables_},
      published_(std::make_shared<const ProcessSnapshot>()),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

ProcessCatalog::~ProcessCatalog() {
  thread_.request_stop();
  thread_.join();
}

void ProcessCatalog::learn(std::uint32_t pid) { ask(Kind::kLearn, pid, 0, {}); }
void ProcessCatalog::on_fork(std::uint32_t parent, std::uint32_t child) { ask(Kind::kFork, child, parent, {}); }
void ProcessCatalog::on_exec(std::uint32_t pid, Time now) { ask(Kind::kExec, pid, 0, now); }
void ProcessCatalog::on_exit(std::uint32_t pid, Time now) { ask(Kind::kExit, pid, 0, now); }
void ProcessCatalog::on_listen(std::uint32_t pid, std::uint16_t port) { ask(Kind::kListen, pid, port, {}); }
void ProcessCatalog::tick(Time now) { ask(Kind::kTick, 0, 0, now); }

ProcessSnapshotPtr ProcessCatalog::snapshot() const {
  const std::scoped_lock lock(mutex_);
  return published_;
}

ResourcePtr ProcessCatalog::find(std::uint32_t pid) const {
  const ProcessSnapshotPtr all = snapshot();
  const auto found = all->find(pid);
  return found == all->end() ? nullptr : found->second->resource;
}

ResourcePtr ProcessCatalog::wait_for(std::uint32_t pid, Duration timeout) {
  if (ResourcePtr known = find(pid)) return known;
  {
    const std::scoped_lock lock(mutex_);
    if (missing_.contains(pid)) return nullptr;
  }
  const std::uint64_t number = ask(Kind::kLearnIfUnknown, pid, 0, {});
  if (number == 0 || !wait_until_done(number, timeout)) return nullptr;
  return find(pid);
}

bool ProcessCatalog::drain(Duration timeout) {
  std::uint64_t last = 0;
  {
    const std::scoped_lock lock(mutex_);
    last = last_asked_;
  }
  return wait_until_done(last, timeout);
}

bool ProcessCatalog::wait_until_done(std::uint64_t number, Duration timeout) {
  std::unique_lock lock(mutex_);
  return done_.wait_for(lock, timeout, [&] { return last_done_ >= number; });
}

std::uint64_t ProcessCatalog::ask(Kind kind, std::uint32_t pid, std::uint32_t other, Time time) {
  std::uint64_t number = 0;
  {
    const std::scoped_lock lock(mutex_);
    if (requests_.size() >= options_.max_requests) {
      dropped_.add();
      return 0;
    }
    number = ++last_asked_;
    requests_.push_back({kind, pid, other, time, number});
  }
  asked_.notify_one();
  return number;
}

void ProcessCatalog::run(const std::stop_token& stop) {
  std::vector<Request> batch;
  while (true) {
    batch.clear();
    {
      std::unique_lock lock(mutex_);
      asked_.wait(lock, stop, [this] { return !requests_.empty(); });
      if (stop.stop_requested()) return;
      while (!requests_.empty() && batch.size() < kBatch) {
        batch.push_back(requests_.front());
        requests_.pop_front();
      }
    }
    for (const Request& request : batch) {
      if (stop.stop_requested()) return;
      carry_out(request);
    }
    publish(batch.back().number);
    for (const CatalogEntryPtr& entry : news_) {
      if (on_learned_) on_learned_(entry->info, entry->decision);
    }
    news_.clear();
  }
}

void ProcessCatalog::carry_out(const Request& request) {
  switch (request.kind) {
    case Kind::kLearn: return inspect(request.pid, std::nullopt);
    case Kind::kLearnIfUnknown:
      if (!entries_.contains(request.pid)) inspect(request.pid, std::nullopt);
      return;
    case Kind::kFork: return fork(request.other, request.pid);
    case Kind::kExec: return inspect(request.pid, request.time + options_.second_look);
    case Kind::kExit: {
      const auto found = entries_.find(request.pid);
      if (found == entries_.end()) return;
      auto entry = std::make_shared<CatalogEntry>(*found->second);
      entry->exited = request.time;
      entry->look_again.reset();
      found->second = std::move(entry);
      changed_ = true;
      return;
    }
    case Kind::kListen: return listen(request.pid, static_cast<std::uint16_t>(request.other));
    case Kind::kTick: return forget_and_look_again(request.time);
  }
}

void ProcessCatalog::inspect(std::uint32_t pid, std::optional<Time> look_again) {
  inspections_.add();
  auto info = inspect_process(inspector_, pid, selection_.asks_for_ports());
  for (int i = 0; i < kExecRetries && info && in_exec(*info); ++i) {
    std::this_thread::sleep_for(kExecPause);
    info = inspect_process(inspector_, pid, selection_.asks_for_ports());
  }
  if (!info) {
    failures_.add();
    gone_.push_back(pid);
    return;
  }
  if (in_exec(*info) && !look_again) look_again = Time{};  // at the next tick
  keep(std::move(*info), look_again);
}

void ProcessCatalog::fork(std::uint32_t parent, std::uint32_t child) {
  if (!entries_.contains(parent)) inspect(parent, std::nullopt);
  const auto found = entries_.find(parent);
  if (found == entries_.end()) return inspect(child, std::nullopt);
  const CatalogEntryPtr origin = found->second;  // keep() may move the entry
  inspections_.add();
  keep(inspect_fork(inspector_, origin->info, child), std::nullopt);
}

void ProcessCatalog::listen(std::uint32_t pid, std::uint16_t port) {
  if (!entries_.contains(pid)) inspect(pid, std::nullopt);
  const auto found = entries_.find(pid);
  if (found == entries_.end()) return;
  ProcessInfo info = found->second->info;
  if (!info.listening_ports) info.listening_ports.emplace();
  auto& ports = *info.listening_ports;
  const auto at = std::lower_bound(ports.begin(), ports.end(), port);
  if ((at != ports.end() && *at == port) || ports.size() >= kMaxPorts) return;
  ports.insert(at, port);
  keep(std::move(info), found->second->look_again);
}

void ProcessCatalog::forget_and_look_again(Time now) {
  changed_ = std::erase_if(entries_,
                           [&](const auto& item) {
                             return item.second->exited && now - *item.second->exited >= options_.keep_exited;
                           }) > 0 ||
             changed_;
  std::vector<std::uint32_t> due;
  for (const auto& [pid, entry] : entries_) {
    if (entry->look_again && *entry->look_again <= now && due.size() < kMaxSecondLooks) due.push_back(pid);
  }
  for (const std::uint32_t pid : due) {
    const CatalogEntryPtr before = entries_.at(pid);
    inspections_.add();
    auto info = inspect_process(inspector_, pid, selection_.asks_for_ports());
    auto entry = std::make_shared<CatalogEntry>(*before);
    entry->look_again.reset();
    entries_[pid] = std::move(entry);
    changed_ = true;
    if (!info) {
      failures_.add();  // its exit event is on its way
      continue;
    }
    if (*info == before->info) continue;
    keep(std::move(*info), std::nullopt);
  }
  const std::scoped_lock lock(mutex_);
  missing_.clear();
}

void ProcessCatalog::keep(ProcessInfo info, std::optional<Time> look_again) {
  if (entries_.size() >= options_.max_processes && !entries_.contains(info.pid)) make_room();
  auto entry = std::make_shared<CatalogEntry>();
  entry->decision = decide(selection_, info);
  if (!entry->decision.service_name.empty()) {  // the operator's word wins
    info.service.name = entry->decision.service_name;
    info.service.name_given = true;
  }
  entry->resource =
      std::make_shared<const Resource>(build_resource(host_, info, {.agent_version = options_.agent_version}));
  entry->info = std::move(info);
  entry->look_again = look_again;
  entry->learned = ++learned_;
  news_.push_back(entry);
  entries_[entry->info.pid] = std::move(entry);
  changed_ = true;
}

// A sixteenth at a time, so that a full catalog is not searched for every new process: exited ones first, then the
// oldest, which are looked at again when they are asked for.
void ProcessCatalog::make_room() {
  std::vector<CatalogEntryPtr> order;
  order.reserve(entries_.size());
  for (const auto& [pid, entry] : entries_) order.push_back(entry);
  const std::size_t count = std::min(order.size(), std::max<std::size_t>(1, options_.max_processes / 16));
  const auto goes_first = [](const CatalogEntryPtr& a, const CatalogEntryPtr& b) {
    return std::pair(!a->exited, a->learned) < std::pair(!b->exited, b->learned);
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), goes_first);
  for (std::size_t i = 0; i < count; ++i) entries_.erase(order[i]->info.pid);
  evicted_.add(count);
}

void ProcessCatalog::publish(std::uint64_t done) {
  ProcessSnapshotPtr next;
  if (changed_) next = std::make_shared<const ProcessSnapshot>(entries_);
  changed_ = false;
  processes_.set(static_cast<std::int64_t>(entries_.size()));
  {
    const std::scoped_lock lock(mutex_);
    if (next) published_.swap(next);  // the old one is freed outside of the lock
    for (const CatalogEntryPtr& entry : news_) missing_.erase(entry->info.pid);
    for (const std::uint32_t pid : gone_) {
      if (missing_.size() < kMaxMissing) missing_.insert(pid);
    }
    last_done_ = done;
  }
  gone_.clear();
  done_.notify_all();
}

}  // namespace telegen
