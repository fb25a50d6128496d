// The accounts of a signal: what came in, and what became of it.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace telegen {

// Why an item (a span, a metric point, a log record, a sample) that was received is not exported.
enum class DropCause : std::uint8_t {
  kFiltered,        // by a rule of the configuration
  kHealthCheck,     // a probe of a load balancer or an orchestrator
  kSampledOut,      // by the sampler
  kTailSampledOut,  // its trace was of no interest
  kTailBufferFull,  // the same, decided before all of the trace was there
  kRateLimited,     // above the configured rate
  kQueueFull,       // the byte limit of the queue, the oldest first
  kExpired,         // older than max_age
  kRejected,        // by the receiver, in a partial success
  kRefused,         // permanent failure of the output
  kOversized,       // larger than a request may be
  kDamaged,         // its record in the spool could not be read
  kShutdown,        // still held in memory when shutdown_timeout was over
};
constexpr std::size_t kDropCauses = 13;
std::string_view to_text(DropCause cause);

// received == exported + the sum of dropped + held, in every value of it.
struct Accounting {
  std::uint64_t received = 0;
  std::uint64_t recovered = 0;  // of the received: from an earlier life
  std::uint64_t exported = 0;
  std::array<std::uint64_t, kDropCauses> dropped{};
  std::uint64_t held = 0;  // on the way, wherever that is
  std::uint64_t dropped_by(DropCause cause) const { return dropped[static_cast<std::size_t>(cause)]; }
  std::uint64_t dropped_in_all() const;
  bool balanced() const { return received == exported + dropped_in_all() + held; }
};

// One account among those of its signal, which share a lock so that they can be read at one instant. Thread safe. An
// item is received once and then either exported or dropped, once.
class Ledger {
 public:
  struct Shared {
    std::mutex mutex;
    std::condition_variable settled;
  };
  explicit Ledger(Shared& shared) : shared_(shared) {}
  void receive(std::uint64_t items);
  void recover(std::uint64_t items);  // receives what an earlier life left
  void exported(std::uint64_t items);
  void dropped(DropCause cause, std::uint64_t items);
  Accounting read() const;
  // True: all that had been received at the call of this function is settled; false: the time was over first.
  bool wait_settled(Duration timeout) const;

 private:
  friend class SignalLedgers;
  std::uint64_t settled() const { return account_.received - account_.held; }
  Shared& shared_;
  Accounting account_;
};

// All accounts of a signal: of the pipeline, for which what goes on to the destinations is exported, and of each
// destination, for which that is received. So for each destination, at every instant,
//   pipeline.received == pipeline.dropped + pipeline.held + destination.received - destination.recovered
//   destination.received == destination.exported + destination.dropped + destination.held
// but for what went on while the destination was not configured yet.
class SignalLedgers {
 public:
  struct Named {
    std::string destination;
    Accounting account;
  };
  struct Snapshot {
    Accounting pipeline;
    std::vector<Named> destinations;
  };
  Ledger& pipeline() { return pipeline_; }
  // The same one for the same name; it lasts as long as this object.
  Ledger& destination(const std::string& name);
  // Moves items from the pipeline to these destinations, all at once.
  void forward(std::uint64_t items, const std::vector<Ledger*>& to);
  // The same, where the destination has them at once or refuses them for good.
  void settle_at(Ledger& ledger, std::uint64_t items, bool taken);
  Snapshot read() const;

 private:
  mutable Ledger::Shared shared_;
  Ledger pipeline_{shared_};
  std::map<std::string, std::unique_ptr<Ledger>> destinations_;
};

}  // namespace telegen
