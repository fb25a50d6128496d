#include "tracing/shard.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tracing/span_builder.h"

namespace telegen {
namespace {

constexpr std::size_t kLocalExchanges = 64 * 1024;
constexpr auto kForgottenAfter = std::chrono::hours(1);
constexpr std::array<const char*, 4> kCauses = {"gap", "table_full", "malformed", "unmatched"};

template <std::size_t N>
std::array<std::uint8_t, N> random_bytes(Random& random) {
  std::array<std::uint8_t, N> bytes;
  for (std::size_t i = 0; i < N; i += 8) {
    const std::uint64_t word = random.next();
    std::memcpy(bytes.data() + i, &word, 8);
  }
  return bytes;
}

// What a span takes over from one that is in the same trace.
TraceContext in_trace_of(const TraceContext& other, const SpanId& own) {
  TraceContext context = other;
  context.span_id = own;
  return context;
}

}  // namespace

Shard::Shard(ShardOptions options, Random random, MetricRegistry& metrics)
    : options_(std::move(options)),
      random_(random),
      local_(kLocalExchanges),
      exchanges_(metrics.counter("telegen_exchanges_total", "Requests that became spans.")),
      requests_(metrics.counter("telegen_requests_total", "Requests whose head was decoded.")),
      undescribed_(metrics.counter("telegen_transfers_undescribed_total",
                                   "Transfers of connections that nothing is known of; they are not decoded.")),
      evicted_(
          metrics.counter("telegen_connections_evicted_total", "Connections forgotten because the table was full.")),
      open_connections_(metrics.gauge("telegen_connections", "Connections followed at present.")) {
  for (std::size_t i = 0; i < kCauses.size(); ++i) {
    lost_requests_[i] =
        &metrics.counter("telegen_requests_lost_total", "Requests that were seen but can give no span, by cause.",
                         {{"cause", kCauses[i]}});
    lost_bytes_[i] = &metrics.counter("telegen_stream_losses_total",
                                      "Times that a stream could not be decoded further at once, by cause.",
                                      {{"cause", kCauses[i]}});
  }
}

void Shard::on_event(const Event& event) {
  struct Dispatch {
    Shard& shard;
    Time now;
    void operator()(const ConnectionEvent& e) { shard.on_connection(e, now); }
    void operator()(const DataEvent& e) { shard.on_data(e, now); }
    void operator()(const EndEvent& e) { shard.on_end(e, now); }
    void operator()(const ProcessEvent& e) { shard.on_process(e, now); }
  };
  std::visit(Dispatch{*this, event.time}, event.body);
}

Connection& Shard::connection(ConnectionId id) {
  std::unique_ptr<Connection>& slot = connections_[id];
  if (slot) return *slot;
  slot = std::make_unique<Connection>(id);
  Connection& fresh = *slot;
  open_connections_.set(static_cast<std::int64_t>(connections_.size()));
  return fresh;
}

// Rare by construction (the kernel's table has the same bound), so a scan is fine.
void Shard::evict_idlest() {
  auto idlest = connections_.end();
  for (auto it = connections_.begin(); it != connections_.end(); ++it) {
    if (idlest == connections_.end() || it->second->last_activity() < idlest->second->last_activity()) idlest = it;
  }
  if (idlest == connections_.end()) return;
  evicted_.add();
  close(idlest->first, idlest->second->last_activity());
}

void Shard::on_connection(const ConnectionEvent& event, Time now) {
  connection(event.connection).describe(event, now);
  if (event.local.family == AddressFamily::kUnix) unix_.insert(event.connection);
  if (connections_.size() > options_.connections) evict_idlest();
}

void Shard::on_data(const DataEvent& event, Time now) {
  // Without a description nothing is known of what was lost before: a pair could be wrong.
  const auto found = connections_.find(event.connection);
  if (found == connections_.end()) return undescribed_.add();
  current_ = found->second.get();
  thread_ = event.thread;
  process_ = event.process;
  const std::size_t open_before = current_->pending().size();
  current_->on_data(event, now, options_.protocols, *this);
  const bool read_a_request = event.direction == Direction::kReceived && current_->pending().size() > open_before;
  if (!read_a_request) threads_.other_activity(event.thread);
  if (current_->wants_tick()) ticking_.insert(event.connection);
}

void Shard::on_end(const EndEvent& event, Time now) {
  if (event.socket_gone) return close(event.connection, now);
  const auto found = connections_.find(event.connection);
  if (found == connections_.end()) return;
  current_ = found->second.get();
  current_->on_end(event.direction, now, *this);
}

// A process's UNIX sockets end with it, and nothing else says so.
void Shard::on_process(const ProcessEvent& event, Time now) {
  if (event.change != ProcessChange::kExit) return;
  std::vector<ConnectionId> gone;
  for (const ConnectionId id : unix_) {
    if (connections_.at(id)->process() == event.process) gone.push_back(id);
  }
  for (const ConnectionId id : gone) close(id, now);
}

void Shard::close(ConnectionId id, Time now) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const std::unique_ptr<Connection> closing = std::move(found->second);
  connections_.erase(found);
  unix_.erase(id);
  open_connections_.set(static_cast<std::int64_t>(connections_.size()));
  current_ = closing.get();
  current_->on_close(now, *this);
  current_ = nullptr;
}

void Shard::tick(Time now) {
  const std::vector<ConnectionId> due(ticking_.begin(), ticking_.end());
  for (const ConnectionId id : due) {
    const auto found = connections_.find(id);
    if (found != connections_.end()) {
      current_ = found->second.get();
      current_->on_tick(now, *this);
      if (current_->wants_tick()) continue;
    }
    ticking_.erase(id);
  }
}

void Shard::sweep(Time now) {
  std::vector<ConnectionId> forgotten;
  for (const auto& [id, held] : connections_) {
    if (now - held->last_activity() > kForgottenAfter) forgotten.push_back(id);
  }
  for (const ConnectionId id : forgotten) close(id, now);
}

void Shard::close_all(Time now) {
  while (!connections_.empty()) close(connections_.begin()->first, now);
}

TraceId Shard::new_trace_id() { return {random_bytes<16>(random_)}; }
SpanId Shard::new_span_id() { return {random_bytes<8>(random_)}; }

void Shard::identify(PendingSpan& pending, const RequestMark& mark, const TraceContext& context) {
  const bool is_client = mark.direction == Direction::kSent;
  pending.self.span_id = new_span_id();
  if (options_.tracing.propagation == "local") {
    pending.exchange_key = exchange_key(current_->ends(), mark.direction, mark.position);
  }
  if (context.valid()) {
    pending.self = in_trace_of(context, pending.self.span_id);
    pending.self.decided = true;
    pending.parent = context.span_id;
    pending.parent_is_remote = !is_client;
    return;
  }
  pending.self.flags = 1;
  if (!is_client || options_.tracing.propagation != "local") return;
  const auto cause = threads_.cause(thread_, mark.first_byte);
  if (!cause) return;
  const auto server = connections_.find(cause->connection);
  if (server == connections_.end()) return;
  const auto open = std::ranges::find(server->second->pending(), cause->number, &PendingSpan::number);
  if (open == server->second->pending().end()) return;
  join_local_client(*open);  // its trace must be known before it is handed on
  if (!open->self.trace_id.valid()) open->self.trace_id = new_trace_id();
  pending.self = in_trace_of(open->self, pending.self.span_id);
  pending.parent = open->self.span_id;
}

void Shard::join_local_client(PendingSpan& pending) {
  if (pending.self.trace_id.valid() || pending.exchange_key == 0) return;
  const TraceContext* client = local_.find(pending.exchange_key);
  if (client == nullptr) return;
  pending.self = in_trace_of(*client, pending.self.span_id);
  pending.parent = client->span_id;
  pending.parent_is_remote = true;
}

void Shard::on_request(const RequestMark& mark, const TraceContext& context) {
  requests_.add();
  PendingSpan pending{.number = mark.number, .thread = thread_, .process = process_};
  identify(pending, mark, context);
  if (mark.direction == Direction::kSent) {
    if (!pending.self.trace_id.valid()) pending.self.trace_id = new_trace_id();
    if (pending.exchange_key != 0) local_.open(pending.exchange_key, pending.self);
  } else {
    threads_.serving(thread_, current_->id(), mark.number, mark.first_byte);
  }
  current_->pending().push_back(std::move(pending));
}

PendingSpan Shard::take_pending(const RequestMark& mark) {
  std::vector<PendingSpan>& all = current_->pending();
  const auto found = std::ranges::find(all, mark.number, &PendingSpan::number);
  if (found == all.end()) return {.number = mark.number, .process = current_->process()};
  PendingSpan taken = std::move(*found);
  all.erase(found);
  if (mark.direction == Direction::kReceived) {
    threads_.served(taken.thread, current_->id(), mark.number);
    join_local_client(taken);
  } else if (taken.exchange_key != 0) {
    local_.close(taken.exchange_key);
  }
  return taken;
}

void Shard::on_exchange(Exchange&& exchange) {
  exchanges_.add();
  PendingSpan pending = take_pending(exchange.request);
  if (!pending.self.span_id.valid()) pending.self.span_id = new_span_id();
  if (!pending.self.trace_id.valid()) pending.self.trace_id = new_trace_id();
  const Duration queue_time = current_->take_queue_time();
  spans_.push_back(build_span(std::move(exchange), pending, *current_, queue_time, clock_));
}

void Shard::on_lost_request(const RequestMark& mark, LossCause cause) {
  lost_requests_[static_cast<std::size_t>(cause)]->add();
  static_cast<void>(take_pending(mark));
}

void Shard::on_loss(Direction, LossCause cause, Time) { lost_bytes_[static_cast<std::size_t>(cause)]->add(); }

}  // namespace telegen
