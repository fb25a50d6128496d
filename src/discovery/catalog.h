// All processes that the agent knows. Events and questions come from any thread and are only queued; one thread of its
// own reads /proc, so no caller ever waits for a file (but in wait_for, which says so).
#pragma once

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
#include "discovery/catalog_queue.h"
#include "discovery/host.h"
#include "discovery/inspect.h"
#include "discovery/process_info.h"
#include "discovery/selector.h"
#include "model/resource.h"

namespace telegen {

struct CatalogEntry {
  ProcessInfo info;  // after the exit event no more of it than names the process (remembered_info)
  ResourcePtr resource;
  Decision decision;
  std::uint64_t learned = 0;       // counts up: the order in which entries were made
  std::optional<Time> exited;      // kept for a while: spans of a process may be finished after its end
  Time heard_exited;               // `exited`, or the last tick before that was heard of: the ring may be behind
  std::optional<Time> look_again;  // libraries and ports of a new program appear after its exec
};
// Shared because who took a snapshot goes on reading an entry that was replaced meanwhile; never changed once it is
// there.
using CatalogEntryPtr = std::shared_ptr<const CatalogEntry>;
using ProcessSnapshot = std::unordered_map<std::uint32_t, CatalogEntryPtr>;

struct CatalogOptions {
  std::string proc_root = "/proc";
  std::string agent_version;
  std::size_t max_processes = 65536;
  std::size_t max_requests = 65536;  // a lane of the queue; 64 bytes each, and the path of an exec
  // What a process was is remembered for this long after its exit was heard of, and at most kForgetEvery longer.
  // Its last records are in the ring within moments of its exit: what can be later is a connection whose peer has
  // vanished, which TCP gives up after minutes.
  Duration keep_exited = std::chrono::seconds(10);
  std::size_t max_exited = 16384;  // about 2 KB each
  Duration second_look = std::chrono::seconds(2);
};

// Called from the catalog's thread for each process learned or changed, after it was published: the selection that only
// user space can decide follows from it. Not called for one that had ended before it was looked at. Must not block.
using OnLearned = std::function<void(const ProcessInfo&, const Decision&)>;
class ProcessCatalog {
 public:
  static constexpr Duration kForgetEvery = std::chrono::seconds(5);

  // `metrics` outlives the catalog. `privileged` is used from the catalog's thread alone.
  ProcessCatalog(CatalogOptions options, HostInfo host, Selection selection, std::unique_ptr<PrivilegedProc> privileged,
                 MetricRegistry& metrics, OnLearned learned);
  ProcessCatalog(const ProcessCatalog&) = delete;
  ProcessCatalog& operator=(const ProcessCatalog&) = delete;
  ~ProcessCatalog();

  // Any thread; none waits. A request that finds the queue full is dropped and counted. Events are carried out in the
  // order given and before anything that was only asked to be learned.
  void learn(std::uint32_t pid);
  void on_fork(std::uint32_t parent, std::uint32_t child);
  // `path`: as executed, empty if not known. What has ended before it could be looked at is known by it alone
  // (ProcessInfo::partial).
  void on_exec(std::uint32_t pid, Time now, std::string path);
  void on_exit(std::uint32_t pid, Time now);
  void on_listen(std::uint32_t pid, std::uint16_t port);
  void on_ring(std::uint32_t pid);  // it made an io_uring
  // Looks at all known processes again by another selection, and tells of each.
  void reselect(Selection selection);
  // Forgets what exited long ago and looks again at what was new; every second or so.
  void tick(Time now);

  ProcessSnapshot snapshot() const;  // a copy: for who looks at all of them, now and then
  // All of them, in no order. `visitor` is called under the lock: it only looks.
  void visit(const std::function<void(const CatalogEntry&)>& visitor) const;
  ResourcePtr find(std::uint32_t pid) const;  // null: not known
  // Asks for the process where it is not known and waits until it was looked at, at most `timeout`.
  ResourcePtr wait_for(std::uint32_t pid, Duration timeout);
  // For a pid that nothing was ever heard of: this host, the pid, and "unknown_service". Never null.
  ResourcePtr resource_for_unknown(std::uint32_t pid);
  // Waits until all that was asked for before is done; false at the timeout. For start-up and tests.
  bool drain(Duration timeout);

 private:
  using Lane = CatalogQueue::Lane;
  using Kind = CatalogRequest::Kind;
  struct Exited {
    std::uint32_t pid;
    std::uint64_t learned;  // of the entry: another process may have the pid by now
    Time heard;
  };

  CatalogQueue::Ticket ask(Lane lane, CatalogRequest request);
  void run(const std::stop_token& stop);
  void serve_urgent();
  void carry_out(const CatalogRequest& request);
  Result<ProcessInfo> look(std::uint32_t pid);
  void learn_now(std::uint32_t pid);
  void fork(std::uint32_t parent, std::uint32_t child);
  void exec(const CatalogRequest& request);
  void exit(std::uint32_t pid, Time now);
  void listen(std::uint32_t pid, std::uint16_t port);
  void look_for_rings(std::uint32_t pid);
  void set_ring(std::uint32_t pid, bool has);
  void forget_and_look_again(Time now);
  void look_again(std::uint32_t pid);
  CatalogEntryPtr running(std::uint32_t pid) const;  // null: not known, or exited
  void keep(ProcessInfo info, std::optional<Time> look_again, std::optional<Time> exited = std::nullopt);
  void put(std::uint32_t pid, CatalogEntryPtr entry);
  void list_as_exited(const CatalogEntry& entry);
  void forget_exited(Time now);
  std::size_t forget_oldest(std::size_t count);
  void look_at_all_again();
  void make_room();
  void publish();

  const CatalogOptions options_;
  const HostInfo host_;
  const std::unique_ptr<PrivilegedProc> privileged_;
  const OnLearned on_learned_;
  Counter& inspections_;
  Counter& failures_;
  Counter& partial_;
  Counter& dropped_;
  Counter& evicted_;
  Gauge& processes_;

  // Of the catalog's thread alone.
  Selection selection_;
  ExecutableCache executables_;
  Inspector inspector_;
  std::vector<CatalogEntryPtr> news_;  // learned since the last publication
  std::vector<std::uint32_t> gone_;    // could not be read since the last publication
  std::uint64_t learned_ = 0;
  std::deque<Exited> exited_;  // in the order in which they are forgotten
  Time last_tick_;
  Time next_forgetting_;

  CatalogQueue queue_;

  mutable std::mutex mutex_;  // guards what follows
  std::optional<Selection> next_selection_;
  // Changed by the catalog's thread alone, which may so read it without the lock. Not published as a snapshot a change:
  // copying it for every short-lived process is what would cost most.
  ProcessSnapshot entries_;
  std::unordered_set<std::uint32_t> missing_;  // not there when looked at; asked for again after a tick at the earliest
  std::unordered_map<std::uint32_t, ResourcePtr> unknown_;  // forgotten at a tick as well

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace telegen
