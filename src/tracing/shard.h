// All connections of one thread: events in, spans out. Owns sessions and the joins between them. Nothing here blocks,
// reads a clock or allocates per event beyond what is kept.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "base/metrics.h"
#include "base/random.h"
#include "ingest/event.h"
#include "tracing/connection.h"
#include "tracing/parents.h"
#include "tracing/settings.h"

namespace telegen {

struct ShardOptions {
  ProtocolChoice protocols;
  TracingSettings tracing;
  std::size_t connections = 1 << 20;  // most that are followed; the one idle longest gives way
};

class Shard final : private ExchangeSink {
 public:
  Shard(ShardOptions options, Random random, MetricRegistry& metrics);

  // `event` in ring order. Finished spans wait in spans() until taken.
  void on_event(const Event& event);
  // Finishes what silence has ended. Call about once a second.
  void tick(Time now);
  // Drops connections whose end was never seen. Call about once a minute.
  void sweep(Time now);
  // Ends every connection as if it had been closed: replay and shutdown.
  void close_all(Time now);
  void set_clock(ClockOffset clock) { clock_ = clock; }

  std::vector<Span>& spans() { return spans_; }
  std::size_t connections() const { return connections_.size(); }

 private:
  void on_request(const RequestMark& mark, const TraceContext& context) override;
  void on_exchange(Exchange&& exchange) override;
  void on_lost_request(const RequestMark& mark, LossCause cause) override;
  void on_loss(Direction direction, LossCause cause, Time now) override;

  void on_connection(const ConnectionEvent& event, Time now);
  void on_data(const DataEvent& event, Time now);
  void on_end(const EndEvent& event, Time now);
  void on_process(const ProcessEvent& event, Time now);
  Connection& connection(ConnectionId id);
  void evict_idlest();
  void close(ConnectionId id, Time now);

  void identify(PendingSpan& pending, const RequestMark& mark, const TraceContext& context);
  // The connection's own span of this number, taken out of its list; a new identity if it is not there.
  PendingSpan take_pending(const RequestMark& mark);
  // A server whose client is on this host: known only once the client's own event has come.
  void join_local_client(PendingSpan& pending);
  TraceId new_trace_id();
  SpanId new_span_id();

  ShardOptions options_;
  Random random_;
  ClockOffset clock_;
  boost::unordered_flat_map<ConnectionId, std::unique_ptr<Connection>> connections_;
  boost::unordered_flat_set<ConnectionId> unix_;     // those that end with their process
  boost::unordered_flat_set<ConnectionId> ticking_;  // connections with an exchange that silence may end
  LocalExchanges local_;
  ThreadActivity threads_;
  std::vector<Span> spans_;

  Connection* current_ = nullptr;  // whose session is being fed
  std::uint32_t thread_ = 0;       // that caused the event being handled
  std::uint32_t process_ = 0;

  Counter& exchanges_;
  Counter& requests_;
  Counter& undescribed_;
  Counter& evicted_;
  Gauge& open_connections_;
  std::array<Counter*, 4> lost_requests_;
  std::array<Counter*, 4> lost_bytes_;
};

}  // namespace telegen
