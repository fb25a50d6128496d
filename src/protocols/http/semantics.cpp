#include "protocols/http/semantics.h"

#include <algorithm>

#include "protocols/core/text.h"
#include "protocols/core/trace_context.h"
#include "protocols/http/route.h"
#include "protocols/http/target.h"

namespace telegen::http {
namespace {

constexpr std::array<Bytes, 10> kMethods = {"GET",     "POST",    "PUT",   "HEAD",  "DELETE",
                                            "OPTIONS", "CONNECT", "PATCH", "TRACE", "QUERY"};
constexpr std::size_t kUsualAttributes = 16;

// In place: a temporary Attribute would be built and moved for every value.
void add(Exchange& exchange, std::string_view key, std::string value) {
  Attribute& attribute = exchange.attributes.emplace_back();
  attribute.key = key;
  attribute.value.emplace<std::string>(std::move(value));
}
void add(Exchange& exchange, std::string_view key, std::int64_t value) {
  Attribute& attribute = exchange.attributes.emplace_back();
  attribute.key = key;
  attribute.value.emplace<std::int64_t>(value);
}
void add_true(Exchange& exchange, std::string_view key) {
  Attribute& attribute = exchange.attributes.emplace_back();
  attribute.key = key;
  attribute.value.emplace<bool>(true);
}

// The first hop's address of a Forwarded header (RFC 7239, section 4): for=192.0.2.1, for="[2001:db8::1]:4711". An
// obfuscated identifier or "unknown" is no address.
Bytes first_forwarded_for(Bytes forwarded) {
  Bytes element = forwarded.substr(0, forwarded.find(','));
  while (!element.empty()) {
    const std::size_t semicolon = element.find(';');
    const Bytes pair = trim(element.substr(0, semicolon));
    element = semicolon == Bytes::npos ? Bytes() : element.substr(semicolon + 1);
    const std::size_t equals = pair.find('=');
    if (equals == Bytes::npos || !equals_ignoring_case(trim(pair.substr(0, equals)), "for")) continue;
    Bytes value = trim(pair.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return value;
  }
  return {};
}

Bytes client_address(const RequestHead& head) {
  Bytes hop = first_forwarded_for(head.forwarded);
  if (hop.empty()) hop = trim(head.forwarded_for.substr(0, head.forwarded_for.find(',')));
  if (hop.empty() || hop.front() == '_' || equals_ignoring_case(hop, "unknown")) return {};
  if (hop.front() == '[' || std::count(hop.begin(), hop.end(), ':') == 1) return split_authority(hop).host;
  return hop;  // a bare IPv6 address has several colons and no port
}

std::string scheme_of(const RequestHead& head, const Target& target, Role role) {
  Bytes scheme = target.scheme;
  if (role == Role::kServer && !head.forwarded_proto.empty()) {
    scheme = trim(head.forwarded_proto.substr(0, head.forwarded_proto.find(',')));
  }
  return equals_ignoring_case(scheme, "https") ? "https" : "http";
}

std::string full_url(const Target& target, Bytes host, const std::string& scheme) {
  std::string url;
  url.reserve(scheme.size() + 3 + host.size() + target.path.size() + target.query.size() + 32);
  url.append(scheme).append("://");
  const std::size_t at = host.rfind('@');
  if (at != Bytes::npos) {
    url.append(host.substr(0, at).find(':') == Bytes::npos ? "REDACTED@" : "REDACTED:REDACTED@");
    host = host.substr(at + 1);
  }
  url.append(host);
  if (target.path != "*") url.append(target.path);  // RFC 9112, section 3.3: the asterisk is not part of the URI
  if (!target.query.empty()) url.append("?").append(redact_query(target.query));
  return url;
}

void describe_server(const Target& target, const ProtocolSettings& settings, std::size_t limit, Exchange& exchange) {
  if (!target.path.empty()) {
    add(exchange, "url.path", to_utf8(target.path, limit));
    if (target.path.front() == '/') {
      const Route route = route_of(target.path, settings.routes);
      std::string text = to_utf8(route.pattern, limit);
      exchange.name.reserve(exchange.name.size() + 1 + text.size());
      exchange.name.append(" ").append(text);
      add(exchange, "http.route", std::move(text));
      if (route.guessed) add_true(exchange, "telegen.http.route.guessed");
    }
  }
  if (!target.query.empty()) add(exchange, "url.query", to_utf8(redact_query(target.query), limit));
}

}  // namespace

bool is_known_method(Bytes method) { return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end(); }

TraceContext context_of(const RequestHead& head) {
  if (head.traceparents != 1) return {};
  TraceContext context = parse_traceparent(head.traceparent);
  if (context.valid() && head.tracestates > 0 && head.tracestates <= head.tracestate.size()) {
    context.state = join_tracestate(std::span(head.tracestate).first(head.tracestates));
  }
  return context;
}

void describe_request(const RequestHead& head, Role role, const ProtocolSettings& settings, std::size_t value_limit,
                      Exchange& exchange) {
  exchange.attributes.reserve(kUsualAttributes);
  const bool known = is_known_method(head.method);
  exchange.name = known ? head.method : Bytes("HTTP");
  add(exchange, "http.request.method", std::string(known ? head.method : Bytes("_OTHER")));
  if (!known) add(exchange, "http.request.method_original", to_utf8(head.method, value_limit));
  const Target target = split_target(head.target, head.method == "CONNECT");
  const Bytes host = target.authority.empty() ? head.host : target.authority;
  const std::string scheme = scheme_of(head, target, role);
  if (role == Role::kServer) {
    describe_server(target, settings, value_limit, exchange);
    add(exchange, "url.scheme", scheme);
    const Bytes client = client_address(head);
    if (!client.empty()) add(exchange, "client.address", to_utf8(client, value_limit));
  } else if (!host.empty() && head.method != "CONNECT") {
    add(exchange, "url.full", to_utf8(full_url(target, host, scheme), value_limit));
  }
  const Authority authority = split_authority(host);
  if (!authority.host.empty()) {
    add(exchange, "server.address", to_utf8(authority.host, value_limit));
    add(exchange, "server.port", authority.port != 0 ? authority.port : std::int64_t{scheme == "https" ? 443 : 80});
  }
  add(exchange, "network.protocol.version", std::string(head.version));
  if (!head.user_agent.empty()) add(exchange, "user_agent.original", to_utf8(head.user_agent, value_limit));
}

void describe_response(std::uint16_t status, Role role, Exchange& exchange) {
  add(exchange, "http.response.status_code", std::int64_t{status});
  const int error_from = role == Role::kServer ? 500 : 400;
  if (status < error_from) return;
  exchange.status = SpanStatus::kError;
  add(exchange, "error.type", std::to_string(status));
}

void describe_size(std::string_view key, std::uint64_t size, Exchange& exchange) {
  add(exchange, key, static_cast<std::int64_t>(size));
}

void describe_failure(Bytes why, Exchange& exchange) {
  if (exchange.status == SpanStatus::kError) return;  // the status code has said it
  exchange.status = SpanStatus::kError;
  add(exchange, "error.type", std::string(why));
}

void mark_partial(Exchange& exchange) {
  const auto is_mark = [](const Attribute& a) { return a.key == "telegen.partial"; };
  if (std::any_of(exchange.attributes.begin(), exchange.attributes.end(), is_mark)) return;
  add_true(exchange, "telegen.partial");
}

}  // namespace telegen::http
