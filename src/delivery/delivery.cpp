#include "delivery/delivery.h"

#include <algorithm>
#include <utility>

namespace telegen {
namespace {

// Whether items are dropped for this cause before the queues or behind them.
bool happens(DropCause cause, bool at_destination) {
  switch (cause) {
    case DropCause::kQueueFull:
    case DropCause::kShutdown: return true;
    case DropCause::kExpired:
    case DropCause::kRejected:
    case DropCause::kRefused:
    case DropCause::kDamaged: return at_destination;
    default: return !at_destination;
  }
}

}  // namespace

Result<std::unique_ptr<Delivery>> Delivery::start(DeliveryPlan plan, DeliveryWorld world) {
  std::unique_ptr<Delivery> delivery(new Delivery(std::move(plan), std::move(world)));
  const std::unique_lock lock(delivery->mutex_);
  delivery->connect();
  const Moment now{delivery->world_.clock(), delivery->world_.wall_clock()};
  if (auto recovered = delivery->store_.recover(now); !recovered) return std::unexpected(recovered.error());
  for (const auto& sender : delivery->senders_) sender->wake();
  return delivery;
}

Delivery::Delivery(DeliveryPlan plan, DeliveryWorld world)
    : plan_(std::move(plan)), world_(std::move(world)), store_(plan_.queues, world_.segments, world_.metrics) {
  expose(Signal::kTraces, "");
}

Delivery::~Delivery() { stop(world_.clock()); }

void Delivery::connect() {
  for (const DestinationPlan& destination : plan_.destinations) connect(destination);
}

void Delivery::connect(const DestinationPlan& destination) {
  SenderPlan plan{.destination = destination.name,
                  .endpoints = destination.endpoints,
                  .concurrency = destination.concurrency,
                  .backoff = plan_.backoff,
                  .sources = {}};
  for (const Signal signal : destination.signals) {
    Ledger& ledger = ledgers_[index_of(signal)].destination(destination.name);
    const QueueId queue = store_.add({signal, destination.name}, limits(signal), ledger);
    plan.sources.push_back({signal, queue, &ledger});
    expose(signal, "");
    expose(signal, destination.name);
  }
  const auto sources = plan.sources;
  senders_.push_back(std::make_unique<Sender>(
      std::move(plan), SenderWorld{store_, world_.metrics, world_.clock, world_.wall_clock, world_.random}));
  for (const SenderPlan::Source& source : sources) {
    lanes_[index_of(source.signal)].push_back(
        {destination.name, source.ledger, source.queue, destination.compression, senders_.back().get()});
  }
}

// The account's metrics, once; those of the pipeline itself have no destination.
void Delivery::expose(Signal signal, const std::string& destination) {
  if (!exposed_.emplace(signal, destination).second) return;
  SignalLedgers& ledgers = ledgers_[index_of(signal)];
  const Ledger* ledger = destination.empty() ? &ledgers.pipeline() : &ledgers.destination(destination);
  MetricLabels labels = {{"signal", std::string(to_text(signal))}};
  if (!destination.empty()) labels.emplace_back("destination", destination);
  const auto observe = [&](const char* name, const char* help, MetricKind kind, const MetricLabels& all,
                           const auto& read) {
    world_.metrics.observe(name, help, kind, all, [ledger, read] { return static_cast<double>(read(ledger->read())); });
  };
  if (destination.empty()) {
    observe("telegen_pipeline_received_total", "Items that came in, before filters and sampling.", MetricKind::kCounter,
            labels, [](const Accounting& a) { return a.received; });
  } else {
    observe("telegen_pipeline_exported_total", "Items that the destination took.", MetricKind::kCounter, labels,
            [](const Accounting& a) { return a.exported; });
    observe("telegen_pipeline_recovered_total",
            "Items that an agent or worker which had ended left in the queue of the destination.", MetricKind::kCounter,
            labels, [](const Accounting& a) { return a.recovered; });
  }
  observe("telegen_pipeline_held", "Items on the way: received, and neither exported nor dropped yet.",
          MetricKind::kGauge, labels, [](const Accounting& a) { return a.held; });
  for (std::size_t i = 0; i < kDropCauses; ++i) {
    const auto cause = static_cast<DropCause>(i);
    if (!happens(cause, !destination.empty())) continue;
    MetricLabels with_cause = labels;
    with_cause.emplace_back("cause", to_text(cause));
    observe("telegen_pipeline_dropped_total", "Items that were not exported, by cause.", MetricKind::kCounter,
            with_cause, [cause](const Accounting& a) { return a.dropped_by(cause); });
  }
  if (destination.empty() || destination == kLocalDestination) return;
  const QueueId queue = store_.add({signal, destination}, limits(signal), ledgers.destination(destination));
  const auto of_queue = [&](const char* name, const char* help, auto read) {
    world_.metrics.observe(name, help, MetricKind::kGauge, labels,
                           [this, queue, read] { return static_cast<double>(read(store_.figures(queue))); });
  };
  of_queue("telegen_queue_requests", "Encoded requests that wait or are under way.",
           [](const QueueFigures& f) { return f.requests; });
  of_queue("telegen_queue_bytes", "Memory or disk that the queue keeps.",
           [](const QueueFigures& f) { return f.bytes; });
  of_queue("telegen_queue_limit_bytes", "What it may keep.", [](const QueueFigures& f) { return f.limit; });
  of_queue("telegen_queue_oldest_seconds", "Age of the oldest request that waits.",
           [clock = world_.clock](const QueueFigures& f) {
             return f.oldest ? std::chrono::duration<double>(clock() - *f.oldest).count() : 0.0;
           });
}

const QueueSettings& Delivery::limits(Signal signal) const {
  switch (signal) {
    case Signal::kMetrics: return plan_.queues.metrics;
    case Signal::kLogs: return plan_.queues.logs;
    default: return plan_.queues.traces;
  }
}

bool Delivery::has_destination(Signal signal) const {
  const std::shared_lock lock(mutex_);
  return !lanes_[index_of(signal)].empty();
}

void Delivery::settle_here(Signal signal, std::uint64_t items, bool taken) {
  SignalLedgers& ledgers = ledgers_[index_of(signal)];
  const std::string name(kLocalDestination);
  {
    const std::unique_lock lock(mutex_);
    expose(signal, name);
  }
  ledgers.settle_at(ledgers.destination(name), items, taken);
}

void Delivery::accept(Signal signal, std::string_view body, std::uint32_t items, Time received) {
  const std::shared_lock lock(mutex_);
  const std::vector<Lane>& lanes = lanes_[index_of(signal)];
  std::vector<Ledger*> ledgers;
  ledgers.reserve(lanes.size());
  for (const Lane& lane : lanes) ledgers.push_back(lane.ledger);
  ledgers_[index_of(signal)].forward(items, ledgers);
  const Moment now{world_.clock(), world_.wall_clock()};
  EncodedRequest request;
  bool fresh = true;
  for (const Lane& lane : lanes) {
    if (fresh || request.compression != lane.compression) request = compress(body, lane.compression);
    fresh = false;
    request.items = items;
    request.received = received;
    store_.append(lane.queue, request, now);
  }
  if (plan_.queues.spool.fsync == "always") store_.sync_if_due(now.now);
  for (const Lane& lane : lanes) lane.sender->wake();
}

EncodedRequest Delivery::compress(std::string_view body, Compression compression) {
  EncodedRequest request{.compression = compression, .plain_size = static_cast<std::uint32_t>(body.size())};
  const std::scoped_lock lock(compressors_mutex_);
  auto compressor = compressors_.find(compression);
  if (compressor == compressors_.end()) compressor = compressors_.emplace(compression, Compressor(compression)).first;
  if (compressor->second.append(body, request.bytes)) return request;
  request.compression = Compression::kNone;  // the library refused: it is sent as it is
  request.bytes = body;
  return request;
}

void Delivery::apply(DeliveryPlan plan) {
  {
    const std::shared_lock lock(mutex_);  // requests are accepted meanwhile: they wait for the next senders
    for (const auto& sender : senders_) sender->retire();
  }
  const std::unique_lock lock(mutex_);
  const auto before = lanes_;
  senders_.clear();
  for (auto& lanes : lanes_) lanes.clear();
  plan_ = std::move(plan);
  connect();
  for (const Signal signal : kAllSignals) {
    for (const Lane& old : before[index_of(signal)]) {
      const bool stays = std::ranges::any_of(lanes_[index_of(signal)],
                                             [&](const Lane& lane) { return lane.destination == old.destination; });
      if (!stays) store_.drop_waiting(old.queue, DropCause::kRefused);
    }
  }
  for (const auto& sender : senders_) sender->wake();
}

bool Delivery::flush(Duration timeout) {
  std::vector<Ledger*> ledgers;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& lanes : lanes_) {
      for (const Lane& lane : lanes) ledgers.push_back(lane.ledger);
    }
    for (const auto& sender : senders_) sender->try_now();
  }
  const Time end = world_.clock() + timeout;
  return std::ranges::all_of(ledgers, [&](const Ledger* ledger) {
    return ledger->wait_settled(std::max(end - world_.clock(), Duration::zero()));
  });
}

void Delivery::stop(Time deadline) {
  const std::unique_lock lock(mutex_);
  if (std::exchange(stopped_, true)) return;
  for (const auto& sender : senders_) sender->stop(deadline);
  if (store_.on_disk()) {
    store_.sync_now();
    return;
  }
  for (const auto& lanes : lanes_) {
    for (const Lane& lane : lanes) store_.drop_waiting(lane.queue, DropCause::kShutdown);
  }
}

std::vector<QueueStatus> Delivery::queues() const {
  const std::shared_lock lock(mutex_);
  std::vector<QueueStatus> all;
  for (const Signal signal : kAllSignals) {
    for (const Lane& lane : lanes_[index_of(signal)]) {
      all.push_back({signal, lane.destination, store_.figures(lane.queue)});
    }
  }
  return all;
}

std::vector<SenderStatus> Delivery::senders() const {
  const std::shared_lock lock(mutex_);
  std::vector<SenderStatus> all;
  all.reserve(senders_.size());
  for (const auto& sender : senders_) all.push_back(sender->status());
  return all;
}

std::vector<std::string> Delivery::destinations() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::string> texts;
  texts.reserve(plan_.destinations.size());
  for (const DestinationPlan& destination : plan_.destinations) texts.push_back(destination.text);
  return texts;
}

}  // namespace telegen
