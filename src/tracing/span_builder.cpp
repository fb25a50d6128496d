#include "tracing/span_builder.h"

#include <algorithm>
#include <utility>

namespace telegen {
namespace {

bool has(const Attributes& attributes, std::string_view key) {
  return std::ranges::any_of(attributes, [&](const Attribute& a) { return a.key == key; });
}

void add_address(Attributes& attributes, std::string_view address_key, std::string_view port_key,
                 const SocketAddress& address) {
  std::string text = to_text(address);
  if (text.empty()) return;
  attributes.push_back({address_key, std::move(text)});
  if (address.port != 0) attributes.push_back({port_key, std::int64_t{address.port}});
}

// https://opentelemetry.io/docs/specs/semconv/registry/attributes/network/ and …/server/, …/client/
void add_ends(Attributes& attributes, const ConnectionEvent& ends, bool is_server) {
  add_address(attributes, "network.peer.address", "network.peer.port", ends.remote);
  if (!has(attributes, "server.address")) {
    add_address(attributes, "server.address", "server.port", is_server ? ends.local : ends.remote);
  }
  const bool is_unix = ends.local.family == AddressFamily::kUnix;
  if (is_server && !is_unix && !has(attributes, "client.address")) {
    attributes.push_back({"client.address", to_text(ends.remote)});
  }
  if (is_unix) attributes.push_back({"network.transport", std::string("unix")});
}

}  // namespace

Span build_span(Exchange&& exchange, const PendingSpan& identity, const Connection& connection, Duration queue_time,
                ClockOffset clock) {
  const bool is_server = exchange.request.direction == Direction::kReceived;
  Span span;
  span.trace_id = identity.self.trace_id;
  span.span_id = identity.self.span_id;
  span.parent_id = identity.parent;
  span.trace_flags = identity.self.flags;
  span.trace_state = identity.self.state;
  span.trace_decided = identity.self.decided;
  span.parent_is_remote = identity.parent_is_remote;
  span.kind = is_server ? SpanKind::kServer : SpanKind::kClient;
  span.status = exchange.status;
  span.status_message = std::move(exchange.status_message);
  span.start = clock.to_unix(exchange.request.first_byte);
  span.end = clock.to_unix(std::max(exchange.end, exchange.request.first_byte));
  span.name = std::move(exchange.name);
  span.attributes = std::move(exchange.attributes);
  add_ends(span.attributes, connection.ends(), is_server);
  if (queue_time.count() > 0 && is_server) {
    span.attributes.push_back({"telegen.connection.queue_time", std::chrono::duration<double>(queue_time).count()});
  }
  span.process = identity.process;
  return span;
}

}  // namespace telegen
