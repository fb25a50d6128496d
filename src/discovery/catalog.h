// All processes that the agent knows, as immutable snapshots. Events and questions come from any thread and are only
// queued; one thread of its own reads /proc, so no caller ever waits for a file (but in wait_for, which says so).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/metrics.h"
#include "base/time.h"
#include "discovery/host.h"
#include "discovery/inspect.h"
#include "discovery/process_info.h"
#include "discovery/selector.h"
#include "model/resource.h"

namespace telegen {

struct CatalogEntry {
  ProcessInfo info;
  ResourcePtr resource;
  Decision decision;
  std::uint64_t learned = 0;       // counts up: the order in which entries were made
  std::optional<Time> exited;      // kept for a while: spans of a process may be finished after its end
  std::optional<Time> look_again;  // libraries and ports of a new program appear after its exec
};
// Shared between snapshots, which differ in few entries; never changed once published.
using CatalogEntryPtr = std::shared_ptr<const CatalogEntry>;
using ProcessSnapshot = std::unordered_map<std::uint32_t, CatalogEntryPtr>;
// Shared because readers keep the snapshot that they began with while newer ones are published.
using ProcessSnapshotPtr = std::shared_ptr<const ProcessSnapshot>;

struct CatalogOptions {
  std::string proc_root = "/proc";
  std::string agent_version;
  std::size_t max_processes = 65536;
  std::size_t max_requests = 65536;  // 40 bytes each
  Duration keep_exited = std::chrono::minutes(5);
  Duration second_look = std::chrono::seconds(2);
};

// Called from the catalog's thread for each process learned or changed, after it was published: the selection that only
// user space can decide follows from it. Must not block.
using OnLearned = std::function<void(const ProcessInfo&, const Decision&)>;

class ProcessCatalog {
 public:
  // `metrics` outlives the catalog. `privileged` is used from the catalog's thread alone.
  ProcessCatalog(CatalogOptions options, HostInfo host, Selection selection, std::unique_ptr<PrivilegedProc> privileged,
                 MetricRegistry& metrics, OnLearned on_learned);
  ProcessCatalog(const ProcessCatalog&) = delete;
  ProcessCatalog& operator=(const ProcessCatalog&) = delete;
  ~ProcessCatalog();

  // Any thread; none waits. A request that finds the queue full is dropped and counted.
  void learn(std::uint32_t pid);
  void on_fork(std::uint32_t parent, std::uint32_t child);
  void on_exec(std::uint32_t pid, Time now);
  void on_exit(std::uint32_t pid, Time now);
  void on_listen(std::uint32_t pid, std::uint16_t port);
  // Forgets what exited long ago and looks again at what was new; every second or so.
  void tick(Time now);

  ProcessSnapshotPtr snapshot() const;
  ResourcePtr find(std::uint32_t pid) const;  // null: not known
  // Asks for the process where it is not known and waits until it was looked at, at most `timeout`.
  ResourcePtr wait_for(std::uint32_t pid, Duration timeout);
  // Waits until all that was asked for before is done; false at the timeout. For start-up and tests.
  bool drain(Duration timeout);

 private:
  enum class Kind : std::uint8_t { kLearn, kLearnIfUnknown, kFork, kExec, kExit, kListen, kTick };
  struct Request {
    Kind kind;
    std::uint32_t pid;
    std::uint32_t other;  // kFork: the parent; kListen: the port
    Time time;
    std::uint64_t number;
  };

  std::uint64_t ask(Kind kind, std::uint32_t pid, std::uint32_t other, Time time);  // 0: the queue is full
  bool wait_until_done(std::uint64_t number, Duration timeout);
  void run(const std::stop_token& stop);
  void carry_out(const Request& request);
  void inspect(std::uint32_t pid, std::optional<Time> look_again);
  void fork(std::uint32_t parent, std::uint32_t child);
  void listen(std::uint32_t pid, std::uint16_t port);
  void forget_and_look_again(Time now);
  void keep(ProcessInfo info, std::optional<Time> look_again);
  void make_room();
  void publish(std::uint64_t done);

  const CatalogOptions options_;
  const HostInfo host_;
  const Selection selection_;
  const std::unique_ptr<PrivilegedProc> privileged_;
  const OnLearned on_learned_;
  Counter& inspections_;
  Counter& failures_;
  Counter& dropped_;
  Counter& evicted_;
  Gauge& processes_;

  // Of the catalog's thread alone.
  ExecutableCache executables_;
  Inspector inspector_;
  ProcessSnapshot entries_;
  std::vector<CatalogEntryPtr> news_;  // learned since the last publication
  std::vector<std::uint32_t> gone_;    // could not be read since the last publication
  std::uint64_t learned_ = 0;
  bool changed_ = false;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any asked_;
  std::condition_variable done_;
  std::deque<Request> requests_;
  std::uint64_t last_asked_ = 0;
  std::uint64_t last_done_ = 0;
  ProcessSnapshotPtr published_;
  std::unordered_set<std::uint32_t> missing_;  // not there when looked at; asked for again after a tick at the earliest

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace telegen
