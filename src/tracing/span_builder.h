// An exchange and what is known of its connection → a span. Pure.
#pragma once

#include "base/time.h"
#include "model/span.h"
#include "protocols/core/exchange.h"
#include "tracing/connection.h"

namespace telegen {

// `queue_time`: how long the connection waited to be accepted, for its first request; 0: not known or not the first.
Span build_span(Exchange&& exchange, const PendingSpan& identity, const Connection& connection, Duration queue_time,
                ClockOffset clock);

}  // namespace telegen
