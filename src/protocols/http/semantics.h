// What a request and a response of any HTTP version mean as a span: the OpenTelemetry semantic conventions for HTTP
// (1.44), attribute by attribute. Where a value cannot be known its attribute is absent.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "protocols/core/exchange.h"
#include "protocols/core/settings.h"

namespace telegen::http {

// The parts of a request that matter, as views into the captured bytes. A header that was not there is empty.
struct RequestHead {
  Bytes method;
  Bytes target;
  Bytes version;  // "1.1"; static storage
  Bytes host;
  Bytes user_agent;
  Bytes traceparent;
  std::array<Bytes, 4> tracestate;  // in order of appearance
  std::uint8_t tracestates = 0;
  std::uint8_t traceparents = 0;  // more than one makes all of them void
  Bytes forwarded;
  Bytes forwarded_for;    // X-Forwarded-For
  Bytes forwarded_proto;  // X-Forwarded-Proto
};

enum class Role : std::uint8_t { kServer, kClient };

// One of RFC 9110's methods, PATCH (RFC 5789) or QUERY, in upper case: what http.request.method may be but `_OTHER`.
bool is_known_method(Bytes method);

// The trace context that a request carries (W3C traceparent and tracestate); invalid if none.
TraceContext context_of(const RequestHead& head);
// Sets name and the request's attributes.
void describe_request(const RequestHead& head, Role role, const ProtocolSettings& settings, std::size_t value_limit,
                      Exchange& exchange);
void describe_response(std::uint16_t status, Role role, Exchange& exchange);
// http.request.body.size or http.response.body.size, in bytes as transferred, without the framing.
void describe_size(std::string_view key, std::uint64_t size, Exchange& exchange);
// The exchange failed in a way that no status tells: error.type is `why`, of static storage and low cardinality.
void describe_failure(Bytes why, Exchange& exchange);
// Something of the exchange lay beyond what was captured.
void mark_partial(Exchange& exchange);

}  // namespace telegen::http
