// Takes requests from the queues of one destination and sends them: retries until they are too old or have to make
// room, waits while the receiver is away at the cost of one attempt in `backoff.max`, goes over to the next endpoint of
// a list and back.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "delivery/circuit.h"
#include "delivery/queue_store.h"
#include "export/transport/transport.h"

namespace telegen {

// Makes a transport to one of the endpoints; called by each sending thread for itself.
using MakeTransport = std::function<Result<std::unique_ptr<Transport>>()>;

struct SenderPlan {
  std::string destination;               // its name
  std::vector<MakeTransport> endpoints;  // in order of preference
  std::size_t concurrency = 1;
  BackoffSettings backoff;
  struct Source {
    Signal signal;
    QueueId queue;
    Ledger* ledger;
  };
  std::vector<Source> sources;  // served in turn
};

// Functions are called on any of the sender's threads.
struct SenderWorld {
  QueueStore& store;
  MetricRegistry& metrics;
  std::function<Time()> clock;
  std::function<UnixTime()> wall_clock;
  std::function<std::uint64_t()> random;
};

// For /status and /readyz.
struct SenderStatus {
  bool reachable = true;
  Time unreachable_since;  // where it is not
  std::string endpoint;    // the one in use or tried last
  std::string complaint;   // the last one, empty if there was none
  Time complained;
  Time delivered;  // when the receiver last took something
};

class Sender {
 public:
  // Starts its threads. What `world` and the plan refer to outlives it.
  Sender(SenderPlan plan, SenderWorld world);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  // Something was appended to a queue.
  void wake();
  // Ends the wait for a receiver that is away.
  void try_now();
  // Sends what waits until `deadline`, then gives up what is under way within about a second. Idempotent.
  void stop(Time deadline);
  // Ends after what is under way; what waits stays for the next sender of these queues.
  void retire();
  SenderStatus status() const;
  const std::string& destination() const { return plan_.destination; }

 private:
  struct Endpoint {
    MakeTransport make;
    Circuit circuit;
    int patience = 1;       // see SendContext
    bool answered = false;  // ever
  };
  struct Meters {
    std::array<Counter*, 4> outcomes;
    Counter& retries;
    Counter& possible_duplicates;
    Histogram& duration;  // seconds
    Gauge& circuit_open;  // 1: no endpoint can be reached
  };
  struct Job {
    TakenRequest taken;
    std::size_t source;
    std::size_t endpoint;
    bool answering;  // the endpoint's last answer was one, when this was taken
  };

  void run(const std::stop_token& stop);
  std::optional<Job> next_job(const std::stop_token& stop);
  std::optional<std::size_t> endpoint_to_try(Time now, Time& next);
  std::optional<Job> take(std::size_t endpoint);
  void send(Transport& transport, const Job& job);
  void conclude(const Job& job, const SendOutcome& outcome);
  void conclude_retry(const Job& job, const Retry& retry);
  void complain(RepeatedLog& log, const std::string& message, bool kept);
  bool all_empty() const;
  bool nothing_due() const;
  void publish_reachable();
  Duration time_left() const;

  const SenderPlan plan_;
  SenderWorld world_;
  Meters meters_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Endpoint> endpoints_;
  std::size_t turn_ = 0;
  std::size_t busy_ = 0;
  bool retiring_ = false;
  std::optional<Time> deadline_;
  SenderStatus status_;
  RepeatedLog retry_log_;
  RepeatedLog loss_log_;
  std::stop_source abandon_;
  std::vector<std::jthread> threads_;  // last: they use all of the above
};

}  // namespace telegen
