// The way out of the agent for all signals: compresses requests, puts them into the queue of each destination that gets
// the signal, and has them sent. The ledgers of all signals are here.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "delivery/ledger.h"
#include "delivery/queue_store.h"
#include "delivery/sender.h"
#include "delivery/settings.h"
#include "export/transport/compression.h"

namespace telegen {

struct DestinationPlan {
  std::string name;                      // "otlp", or as the configuration calls it
  std::string text;                      // for people: "otlp 127.0.0.1:4317 (grpc)"
  std::vector<Signal> signals;           // that it gets
  std::vector<MakeTransport> endpoints;  // in order of preference
  std::size_t concurrency = 1;
  Compression compression = Compression::kGzip;
};

struct DeliveryPlan {
  QueuesSettings queues;
  BackoffSettings backoff;
  std::vector<DestinationPlan> destinations;
};

struct DeliveryWorld {
  SegmentSource& segments;
  MetricRegistry& metrics;
  std::function<Time()> clock;
  std::function<UnixTime()> wall_clock;
  std::function<std::uint64_t()> random;  // any thread
};

// The destination of a signal that no receiver gets: outputs on this host, or only the API.
constexpr std::string_view kLocalDestination = "local";

struct QueueStatus {
  Signal signal;
  std::string destination;
  QueueFigures figures;
};

// Thread safe.
class Delivery {
 public:
  // Takes over what waits in segments of an earlier life, and begins to send.
  static Result<std::unique_ptr<Delivery>> start(DeliveryPlan plan, DeliveryWorld world);
  ~Delivery();
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  // The account of what comes before: every item is received there first, and dropped there or passed on here.
  Ledger& pipeline(Signal signal) { return ledgers_[index_of(signal)].pipeline(); }
  // `body` is an Export…ServiceRequest; `received` when the oldest of its items was.
  void accept(Signal signal, std::string_view body, std::uint32_t items, Time received);
  // For a signal that no receiver gets: an output on this host has the items, or refused them.
  void settle_here(Signal signal, std::uint64_t items, bool taken);
  bool has_destination(Signal signal) const;

  // Changes destinations, limits and backoff. The queues stay; what waits for removed destinations is dropped.
  void apply(DeliveryPlan plan);
  // Sends what is queued now without waiting for the end of a backoff. False: the time was over first.
  bool flush(Duration timeout);
  // Sends until `deadline`. What is left then stays, where queues are on disk, or is dropped and counted. Idempotent.
  void stop(Time deadline);
  // Forces to the disk what is due. To be called about once a second.
  void tick() { store_.sync_if_due(world_.clock()); }

  SignalLedgers::Snapshot accounts(Signal signal) const { return ledgers_[index_of(signal)].read(); }
  std::vector<QueueStatus> queues() const;
  std::vector<SenderStatus> senders() const;
  std::vector<std::string> destinations() const;  // for people

 private:
  struct Lane {  // of one signal to one destination
    std::string destination;
    Ledger* ledger;
    QueueId queue;
    Compression compression;
    Sender* sender;
  };
  Delivery(DeliveryPlan plan, DeliveryWorld world);
  void connect();
  void connect(const DestinationPlan& destination);
  void expose(Signal signal, const std::string& destination);
  const QueueSettings& limits(Signal signal) const;
  EncodedRequest compress(std::string_view body, Compression compression);

  DeliveryPlan plan_;
  DeliveryWorld world_;
  std::array<SignalLedgers, kSignals> ledgers_;
  QueueStore store_;
  mutable std::shared_mutex mutex_;  // of what follows; shared by those who send
  std::array<std::vector<Lane>, kSignals> lanes_;
  std::vector<std::unique_ptr<Sender>> senders_;
  std::set<std::pair<Signal, std::string>> exposed_;
  bool stopped_ = false;
  std::mutex compressors_mutex_;
  std::map<Compression, Compressor> compressors_;
};

}  // namespace telegen
