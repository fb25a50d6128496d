// A request and its response: what every protocol produces and all that tracing knows of any of them.
#pragma once

#include <cstdint>
#include <string>

#include "model/span.h"
#include "protocols/core/types.h"

namespace telegen {

// A request whose head was read; its exchange, if it ever completes, has the same number.
struct RequestMark {
  std::uint64_t number = 0;                    // counts up, per connection
  Direction direction = Direction::kReceived;  // of the request: received means that this process is the server
  std::uint64_t position = 0;                  // of the request's first byte
  Time first_byte;
};

struct Exchange {
  RequestMark request;
  Time request_end;
  Time response_start;    // 0: no response was seen
  Time end;               // the response's last byte, or when the exchange was given up
  std::string name;       // the span's name, of low cardinality
  Attributes attributes;  // the protocol's own; addresses and process are added by tracing
  SpanStatus status = SpanStatus::kUnset;
  std::string status_message;
  TraceContext context;  // carried by the request; invalid if none
};

// Receives what a session finds. Calls come in stream order, on the thread that fed the session.
class ExchangeSink {
 public:
  virtual ~ExchangeSink() = default;
  // `context` is what the request carries (traceparent); invalid if nothing.
  virtual void on_request(const RequestMark& mark, const TraceContext& context) = 0;
  virtual void on_exchange(Exchange&& exchange) = 0;
  // A request that will get no exchange: its response cannot be known (a gap, a full table).
  virtual void on_lost_request(const RequestMark& mark, LossCause cause) = 0;
  // Bytes of one direction that gave no message: kUnmatched once a response, kMalformed and kGap once each time that
  // the stream's thread was lost (not again until it was found).
  virtual void on_loss(Direction direction, LossCause cause, Time now) = 0;
};

}  // namespace telegen
