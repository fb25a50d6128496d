#include "discovery/catalog.h"

#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include "discovery/naming.h"
#include "discovery/resource_builder.h"

namespace telegen {
namespace {

constexpr std::size_t kBatch = 256;           // requests of a lane carried out between two publications
constexpr std::size_t kMaxSecondLooks = 256;  // a tick
constexpr std::size_t kMaxMissing = 4096;
constexpr std::size_t kMaxPorts = 1024;
constexpr int kExecRetries = 3;
constexpr auto kExecPause = std::chrono::milliseconds(1);

// Looked at in the middle of execve(2): the kernel shows the new executable a moment before the new arguments and
// environment, which are empty until then. A few programs have no arguments for good.
bool in_exec(const ProcessInfo& info) { return !info.kernel_thread && !info.exe_path.empty() && info.args.empty(); }

// What is left of an exited process: which one it was. The rest is in its resource.
ProcessInfo remembered_info(const ProcessInfo& info) {
  ProcessInfo out;
  out.pid = info.pid;
  out.start_ticks = info.start_ticks;
  out.partial = info.partial;
  return out;
}
bool is_remembered_only(const CatalogEntry& entry) { return entry.exited && entry.info.service.name.empty(); }

// Not even its start could be read.
bool is_gone(const CatalogEntry& entry) {
  return entry.exited.has_value() || (entry.info.partial && entry.info.start_ticks == 0);
}

bool wants_look_for_rings(const CatalogEntry& entry) {
  return entry.decision.selected == Matched::kYes && !entry.info.io_uring;
}

}  // namespace

ProcessCatalog::ProcessCatalog(CatalogOptions options, HostInfo host, Selection selection,
                               std::unique_ptr<PrivilegedProc> privileged, MetricRegistry& metrics, OnLearned learned)
    : options_(std::move(options)),
      host_(std::move(host)),
      privileged_(std::move(privileged)),
      on_learned_(std::move(learned)),
      inspections_(metrics.counter("telegen_discovery_inspections_total", "Processes looked at.")),
      failures_(metrics.counter("telegen_discovery_inspection_failures_total",
                                "Processes that were gone or unreadable when looked at.")),
      partial_(metrics.counter("telegen_discovery_partial_total",
                               "Processes that ended before all of them could be read: known by the path that was "
                               "executed, or by what was read in time.")),
      dropped_(metrics.counter("telegen_discovery_requests_dropped_total",
                               "Process events and questions lost because the queue was full.")),
      evicted_(metrics.counter("telegen_discovery_evicted_total",
                               "Processes forgotten before their time because the catalog was full.")),
      processes_(metrics.gauge("telegen_discovery_processes", "Processes known, recently exited ones included.")),
      selection_(std::move(selection)),
      inspector_{options_.proc_root, &host_, privileged_.get(), &executables_},
      queue_(options_.max_requests),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

ProcessCatalog::~ProcessCatalog() {
  thread_.request_stop();
  thread_.join();
}

void ProcessCatalog::learn(std::uint32_t pid) { ask(Lane::kPatient, {.kind = Kind::kLearn, .pid = pid}); }
void ProcessCatalog::on_fork(std::uint32_t parent, std::uint32_t child) {
  ask(Lane::kUrgent, {.kind = Kind::kFork, .pid = child, .other = parent});
}
void ProcessCatalog::on_exec(std::uint32_t pid, Time now, std::string path) {
  ask(Lane::kUrgent, {.kind = Kind::kExec, .pid = pid, .time = now, .path = std::move(path)});
}
void ProcessCatalog::on_exit(std::uint32_t pid, Time now) {
  ask(Lane::kUrgent, {.kind = Kind::kExit, .pid = pid, .time = now});
}
void ProcessCatalog::on_listen(std::uint32_t pid, std::uint16_t port) {
  ask(Lane::kUrgent, {.kind = Kind::kListen, .pid = pid, .other = port});
}
void ProcessCatalog::on_ring(std::uint32_t pid) { ask(Lane::kUrgent, {.kind = Kind::kRing, .pid = pid}); }
void ProcessCatalog::tick(Time now) { ask(Lane::kPatient, {.kind = Kind::kTick, .time = now}); }

CatalogQueue::Ticket ProcessCatalog::ask(Lane lane, CatalogRequest request) {
  const auto ticket = queue_.push(lane, std::move(request));
  if (ticket.number == 0) dropped_.add();
  return ticket;
}

ProcessSnapshot ProcessCatalog::snapshot() const {
  const std::scoped_lock lock(mutex_);
  return entries_;
}

void ProcessCatalog::visit(const std::function<void(const CatalogEntry&)>& visitor) const {
  const std::scoped_lock lock(mutex_);
  for (const auto& [pid, entry] : entries_) visitor(*entry);
}

ResourcePtr ProcessCatalog::find(std::uint32_t pid) const {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(pid);
  return found == entries_.end() ? nullptr : found->second->resource;
}

ResourcePtr ProcessCatalog::wait_for(std::uint32_t pid, Duration timeout) {
  if (ResourcePtr known = find(pid)) return known;
  {
    const std::scoped_lock lock(mutex_);
    if (missing_.contains(pid)) return nullptr;
  }
  const auto ticket = ask(Lane::kUrgent, {.kind = Kind::kLearnIfUnknown, .pid = pid});
  if (ticket.number == 0 || !queue_.wait_until_done(ticket, timeout)) return nullptr;
  return find(pid);
}

// The same pointer for the same pid, so that its spans are sent under one resource.
ResourcePtr ProcessCatalog::resource_for_unknown(std::uint32_t pid) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = unknown_.find(pid); found != unknown_.end()) return found->second;
  ProcessInfo info;
  info.pid = info.inner_pid = pid;
  info.service.name = derive_service_name({});
  auto made = std::make_shared<const Resource>(build_resource(host_, info, {.agent_version = options_.agent_version}));
  if (unknown_.size() < kMaxMissing) unknown_.emplace(pid, made);
  return made;
}

bool ProcessCatalog::drain(Duration timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  for (const auto ticket : queue_.last()) {
    if (!queue_.wait_until_done(ticket, until - std::chrono::steady_clock::now())) return false;
  }
  return true;
}

void ProcessCatalog::run(const std::stop_token& stop) {
  ::prctl(PR_SET_NAME, "discovery");  // its CPU time is counted under it (governor/process_costs.h)
  while (queue_.wait(stop)) {
    for (std::size_t i = 0; i < kBatch && !stop.stop_requested(); ++i) {
      serve_urgent();
      const auto patient = queue_.take(Lane::kPatient);
      if (!patient) break;
      carry_out(*patient);
      queue_.finished(Lane::kPatient);
    }
    publish();
  }
}

// Between any two steps of what can wait.
void ProcessCatalog::serve_urgent() {
  std::size_t count = 0;
  while (count < kBatch) {
    const auto urgent = queue_.take(Lane::kUrgent);
    if (!urgent) break;
    carry_out(*urgent);
    queue_.finished(Lane::kUrgent);
    ++count;
  }
  if (count > 0) publish();
}

void ProcessCatalog::carry_out(const CatalogRequest& request) {
  switch (request.kind) {
    case Kind::kLearn: return learn_now(request.pid);
    case Kind::kFork: return fork(request.other, request.pid);
    case Kind::kExec: return exec(request);
    case Kind::kTick: return forget_and_look_again(request.time);
    case Kind::kLookForRings: return look_for_rings(request.pid);
    case Kind::kReselect: return look_at_all_again();
    case Kind::kLearnIfUnknown:
    case Kind::kExit:
    case Kind::kListen:
    case Kind::kRing: break;
  }
  const bool overtook = queue_.take_learn(request.pid);
  const bool wanted = request.kind != Kind::kExit && !entries_.contains(request.pid);
  if (overtook || wanted) learn_now(request.pid);
  if (request.kind == Kind::kExit) exit(request.pid, request.time);
  if (request.kind == Kind::kListen) listen(request.pid, static_cast<std::uint16_t>(request.other));
  if (request.kind == Kind::kRing) set_ring(request.pid, true);
}

Result<ProcessInfo> ProcessCatalog::look(std::uint32_t pid) {
  inspections_.add();
  auto info = inspect_process(inspector_, pid, selection_.asks_for_ports());
  for (int i = 0; i < kExecRetries && info && in_exec(*info); ++i) {
    std::this_thread::sleep_for(kExecPause);
    info = inspect_process(inspector_, pid, selection_.asks_for_ports());
  }
  if (!info) failures_.add();
  return info;
}

void ProcessCatalog::learn_now(std::uint32_t pid) {
  auto info = look(pid);
  if (!info) return gone_.push_back(pid);
  const auto known = entries_.find(pid);
  const bool same = known != entries_.end() && known->second->info.start_ticks == info->start_ticks;
  if (info->partial && same) return;  // what is left of a process that has ended tells less than what is known
  if (same && known->second->info.io_uring == true) info->io_uring = true;
  const bool again = in_exec(*info);
  keep(std::move(*info), again ? std::optional(Time{}) : std::nullopt);  // at the next tick
}

void ProcessCatalog::exec(const CatalogRequest& request) {
  static_cast<void>(queue_.take_learn(request.pid));  // here it is
  auto info = look(request.pid);
  if (info && !info->partial) return keep(std::move(*info), request.time + options_.second_look);
  const CatalogEntryPtr before = running(request.pid);
  if (info) {
    if (before) add_place_before(before->info, *info);
    add_executed_path(request.path, *info);
    return keep(std::move(*info), std::nullopt);
  }
  // Its exit event is on its way, but may have been lost.
  keep(ended_process(inspector_, request.pid, before ? &before->info : nullptr, request.path, request.time),
       std::nullopt, request.time);
}

void ProcessCatalog::exit(std::uint32_t pid, Time now) {
  const auto found = entries_.find(pid);
  if (found == entries_.end() || is_remembered_only(*found->second)) return;
  auto entry = std::make_shared<CatalogEntry>();
  entry->info = remembered_info(found->second->info);
  entry->resource = found->second->resource;
  entry->decision.selected = found->second->decision.selected;
  entry->learned = found->second->learned;
  entry->exited = now;
  const bool listed = found->second->exited.has_value();
  entry->heard_exited = listed ? found->second->heard_exited : std::max(now, last_tick_);
  if (!listed) list_as_exited(*entry);
  put(pid, std::move(entry));
}

CatalogEntryPtr ProcessCatalog::running(std::uint32_t pid) const {
  const auto found = entries_.find(pid);
  return found == entries_.end() || found->second->exited ? nullptr : found->second;
}

void ProcessCatalog::fork(std::uint32_t parent, std::uint32_t child) {
  static_cast<void>(queue_.take_learn(child));  // meant the process that had this pid before
  if (!entries_.contains(parent)) learn_now(parent);
  const auto found = entries_.find(parent);
  if (found == entries_.end() || is_remembered_only(*found->second)) return learn_now(child);
  const CatalogEntryPtr origin = found->second;  // keep() may move the entry
  inspections_.add();
  keep(inspect_fork(inspector_, origin->info, child), std::nullopt);
}

void ProcessCatalog::listen(std::uint32_t pid, std::uint16_t port) {
  const auto found = entries_.find(pid);
  if (found == entries_.end() || is_remembered_only(*found->second)) return;
  ProcessInfo info = found->second->info;
  if (!info.listening_ports) info.listening_ports.emplace();
  auto& ports = *info.listening_ports;
  const auto at = std::lower_bound(ports.begin(), ports.end(), port);
  if ((at != ports.end() && *at == port) || ports.size() >= kMaxPorts) return;
  ports.insert(at, port);
  keep(std::move(info), found->second->look_again);
}

// Carried out once the process is selected: the kernel tells of what it makes from then on, so this finds what is
// older.
void ProcessCatalog::look_for_rings(std::uint32_t pid) {
  const CatalogEntryPtr known = running(pid);
  if (!known || !wants_look_for_rings(*known)) return;
  if (const auto answer = privileged_->read(pid, ProcFile::kRings)) set_ring(pid, !answer->empty());
}

void ProcessCatalog::set_ring(std::uint32_t pid, bool has) {
  const auto found = entries_.find(pid);
  if (found == entries_.end() || found->second->info.io_uring == has) return;
  auto entry = std::make_shared<CatalogEntry>(*found->second);
  entry->info.io_uring = has;
  put(pid, std::move(entry));
}

void ProcessCatalog::forget_and_look_again(Time now) {
  last_tick_ = std::max(last_tick_, now);
  forget_exited(now);
  std::vector<std::uint32_t> due;
  for (const auto& [pid, entry] : entries_) {
    const std::optional<Time> at = entry->look_again;
    if (at && *at <= now && due.size() < kMaxSecondLooks) due.push_back(pid);
  }
  for (const std::uint32_t pid : due) {
    serve_urgent();
    look_again(pid);
  }
  const std::scoped_lock lock(mutex_);
  missing_.clear();
  unknown_.clear();
}

void ProcessCatalog::look_again(std::uint32_t pid) {
  const auto found = entries_.find(pid);
  if (found == entries_.end() || !found->second->look_again) return;  // something urgent came first
  auto entry = std::make_shared<CatalogEntry>(*found->second);
  entry->look_again.reset();
  const CatalogEntryPtr before = found->second;
  put(pid, std::move(entry));
  inspections_.add();
  auto info = inspect_process(inspector_, pid, selection_.asks_for_ports());
  if (!info) return failures_.add();  // its exit event is on its way
  info->io_uring = before->info.io_uring;
  if (!info->partial && *info != before->info) keep(std::move(*info), std::nullopt);
}

void ProcessCatalog::keep(ProcessInfo info, std::optional<Time> look_again, std::optional<Time> exited) {
  if (info.partial) partial_.add();
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
  entry->exited = exited;
  entry->learned = ++learned_;
  if (exited) {
    entry->heard_exited = std::max(*exited, last_tick_);
    list_as_exited(*entry);
  }
  news_.push_back(entry);
  const std::uint32_t pid = entry->info.pid;
  put(pid, std::move(entry));
}

void ProcessCatalog::put(std::uint32_t pid, CatalogEntryPtr entry) {
  const std::scoped_lock lock(mutex_);
  entries_[pid].swap(entry);
}

void ProcessCatalog::list_as_exited(const CatalogEntry& entry) {
  if (exited_.size() >= options_.max_exited) evicted_.add(forget_oldest(exited_.size() / 8 + 1));
  exited_.push_back({entry.info.pid, entry.learned, entry.heard_exited});
}

void ProcessCatalog::forget_exited(Time now) {
  if (now < next_forgetting_) return;
  next_forgetting_ = now + kForgetEvery;
  std::size_t count = 0;
  while (count < exited_.size() && now - exited_[count].heard >= options_.keep_exited) ++count;
  forget_oldest(count);
}

// Of those that exited. Returns how many there were.
std::size_t ProcessCatalog::forget_oldest(std::size_t count) {
  std::vector<CatalogEntryPtr> gone;  // freed outside of the lock
  const std::scoped_lock lock(mutex_);
  for (; count > 0; --count) {
    const Exited one = exited_.front();
    exited_.pop_front();
    const auto found = entries_.find(one.pid);
    if (found == entries_.end() || found->second->learned != one.learned) continue;
    gone.push_back(std::move(found->second));
    entries_.erase(found);
  }
  return gone.size();
}

void ProcessCatalog::reselect(Selection selection) {
  {
    const std::scoped_lock lock(mutex_);
    next_selection_ = std::move(selection);
  }
  ask(Lane::kPatient, {.kind = Kind::kReselect});
}

void ProcessCatalog::look_at_all_again() {
  std::vector<std::uint32_t> pids;
  {
    const std::scoped_lock lock(mutex_);
    if (!next_selection_) return;
    selection_ = *std::exchange(next_selection_, std::nullopt);
    for (const auto& [pid, entry] : entries_) {
      if (!entry->exited) pids.push_back(pid);
    }
  }
  for (const std::uint32_t pid : pids) {
    serve_urgent();
    if (running(pid)) learn_now(pid);
  }
}

// A sixteenth at a time, so that a full catalog is not searched for every new process: exited ones first, then the
// oldest, which are looked at again when they are asked for.
void ProcessCatalog::make_room() {
  const std::size_t wanted = std::max<std::size_t>(1, options_.max_processes / 16);
  const std::size_t made = forget_oldest(std::min(exited_.size(), wanted));
  evicted_.add(made);
  if (made > 0) return;
  std::vector<CatalogEntryPtr> order;
  order.reserve(entries_.size());
  for (const auto& [pid, entry] : entries_) order.push_back(entry);
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(order.size(), wanted));
  std::ranges::partial_sort(order, end, {}, &CatalogEntry::learned);
  const std::scoped_lock lock(mutex_);
  for (auto it = order.begin(); it != end; ++it) entries_.erase((*it)->info.pid);
  evicted_.add(static_cast<std::uint64_t>(end - order.begin()));
}

void ProcessCatalog::publish() {
  processes_.set(static_cast<std::int64_t>(entries_.size()));
  {
    const std::scoped_lock lock(mutex_);
    for (const CatalogEntryPtr& entry : news_) missing_.erase(entry->info.pid);
    for (const std::uint32_t pid : gone_) {
      if (missing_.size() < kMaxMissing) missing_.insert(pid);
    }
  }
  gone_.clear();
  for (const CatalogEntryPtr& entry : news_) {
    if (is_gone(*entry)) continue;
    if (on_learned_) on_learned_(entry->info, entry->decision);
    if (wants_look_for_rings(*entry)) ask(Lane::kPatient, {.kind = Kind::kLookForRings, .pid = entry->info.pid});
  }
  news_.clear();
  queue_.settle();  // last: who waits for a process (drain, at the start) also waits for what follows from knowing it
}

}  // namespace telegen
