// One connection: what is known of its ends, where its two streams stand, and the session that decodes them once the
// protocol is recognised. One thread.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "ingest/event.h"
#include "model/span.h"
#include "protocols/core/registry.h"
#include "protocols/core/session.h"
#include "protocols/core/settings.h"
#include "tracing/stream_cursor.h"

namespace telegen {

// The protocols that are switched on, and what sessions are made with. Outlives every connection.
struct ProtocolChoice {
  std::vector<const ProtocolRow*> rows;
  ProtocolSettings settings;
  Limits limits;
};

// A request whose response is awaited, with the identity of its span.
struct PendingSpan {
  std::uint64_t number = 0;
  std::uint32_t thread = 0;  // that read or sent it
  std::uint32_t process = 0;
  TraceContext self;  // span_id is the span's own
  SpanId parent;
  bool parent_is_remote = false;
  std::uint64_t exchange_key = 0;  // 0: none (UNIX sockets, unknown addresses)
};

class Connection {
 public:
  explicit Connection(ConnectionId id) : id_(id) {}

  void describe(const ConnectionEvent& event, Time now);
  void on_data(const DataEvent& event, Time now, const ProtocolChoice& protocols, ExchangeSink& out);
  void on_end(Direction direction, Time now, ExchangeSink& out);
  void on_close(Time now, ExchangeSink& out);

  ConnectionId id() const { return id_; }
  const ConnectionEvent& ends() const { return ends_; }
  Time last_activity() const { return last_activity_; }
  std::uint32_t process() const { return process_; }
  const ProtocolRow* protocol() const { return protocol_; }
  void on_tick(Time now, ExchangeSink& out);
  bool wants_tick() const { return session_ && session_->wants_tick(); }
  std::size_t held_bytes() const { return session_ ? session_->held_bytes() : 0; }

  // The time between handshake and accept, once: the first request waited for it.
  Duration take_queue_time();
  std::vector<PendingSpan>& pending() { return pending_; }

 private:
  void feed(Direction direction, Bytes bytes, std::uint64_t position, Time now, const ProtocolChoice& protocols,
            ExchangeSink& out);
  void recognise(Direction direction, Bytes bytes, std::uint64_t position, Time now, const ProtocolChoice& protocols,
                 ExchangeSink& out);
  void end_session_if_handed_over();
  // The start of a message whose first transfers are too short to tell what it is.
  struct Start {
    std::string bytes;
    std::uint64_t position = 0;
    Time time;
  };
  bool seen_from_its_start() const { return ends_.accepted.ns != 0 || ends_.role == Role::kClient; }
  void begin(Direction direction, const Start& start, std::size_t held, Bytes bytes, std::uint64_t position, Time now,
             ExchangeSink& out);
  ConnectionId id_;
  bool queue_time_taken_ = false;
  bool handed_over_ = false;  // the protocol ended on a living connection (an upgrade)
  std::uint32_t process_ = 0;
  const ProtocolRow* protocol_ = nullptr;
  ConnectionEvent ends_;
  std::array<StreamCursor, 2> cursors_;
  std::array<Start, 2> starts_;
  std::unique_ptr<Session> session_;
  std::vector<PendingSpan> pending_;
  Time last_activity_;
};

// The name of a request that both of its ends can work out: a hash of client, server and the TCP sequence number of its
// first byte (and, for loopback, of the network namespace). 0 where there is none.
std::uint64_t exchange_key(const ConnectionEvent& ends, Direction request_direction, std::uint64_t position);

}  // namespace telegen
