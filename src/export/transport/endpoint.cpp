#include "export/transport/endpoint.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace telegen {
namespace {

std::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail("endpoint '" + std::string(text) + "': " + std::string(why), ErrorKind::kConfiguration);
}

bool starts_with_any_case(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  return std::equal(lower.begin(), lower.end(), text.begin(),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
}

struct HostPort {
  std::string_view host;
  std::string_view port;  // empty: not given
};

Result<HostPort> split_host_port(std::string_view text, std::string_view authority) {
  HostPort result{authority, {}};
  const std::size_t bracket = authority.find(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (authority.starts_with('[') && bracket == std::string_view::npos) return bad(text, "'[' is not closed");
  if (colon != std::string_view::npos) {
    result = {authority.substr(0, colon), authority.substr(colon + 1)};
    if (result.port.find(':') != std::string_view::npos) return bad(text, "write an IPv6 address in brackets");
    unsigned port = 0;
    const auto [end, error] = std::from_chars(result.port.begin(), result.port.end(), port);
    if (error != std::errc() || end != result.port.end() || port == 0 || port > 65535) {
      return bad(text, "the port is not a number from 1 to 65535");
    }
  }
  if (result.host.empty() || result.host == "[]") return bad(text, "the host is missing");
  return result;
}

}  // namespace

const SignalRoute& route_of(Signal signal) {
  static constexpr std::array<SignalRoute, kSignals> kRoutes = {
      {{"traces", "/opentelemetry.proto.collector.trace.v1.TraceService/Export", "/v1/traces"},
       {"metrics", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", "/v1/metrics"},
       {"logs", "/opentelemetry.proto.collector.logs.v1.LogsService/Export", "/v1/logs"},
       {"profiles", "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        "/v1development/profiles"}}};
  return kRoutes[index_of(signal)];
}

Result<Endpoint> parse_endpoint(std::string_view text, bool grpc, bool tls_enabled, bool as_is, Signal signal) {
  const SignalRoute& route = route_of(signal);
  std::string_view rest = text;
  const bool http_url = starts_with_any_case(text, "http://");
  const bool https_url = starts_with_any_case(text, "https://");
  if (http_url) rest.remove_prefix(7);
  if (https_url) rest.remove_prefix(8);
  if (rest.find("://") != std::string_view::npos) return bad(text, "only http:// and https:// are known");
  if (http_url && tls_enabled) return bad(text, "says http:// but TLS is enabled; write https://");
  for (const char c : rest) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return bad(text, "contains a blank or control character");
  }
  const std::size_t path_at = rest.find_first_of("/?#");
  const std::string_view authority = rest.substr(0, path_at);
  std::string path(path_at == std::string_view::npos ? "" : rest.substr(path_at));
  if (authority.find('@') != std::string_view::npos) return bad(text, "put credentials into otlp.headers");
  if (path.find_first_of("?#") != std::string::npos && !(as_is && !grpc)) return bad(text, "a query is not possible");
  const auto parts = split_host_port(text, authority);
  if (!parts) return std::unexpected(parts.error());

  Endpoint endpoint;
  endpoint.tls = https_url || (!http_url && tls_enabled);
  std::string_view port = parts->port;
  if (port.empty()) port = http_url ? "80" : https_url ? "443" : grpc ? "4317" : "4318";
  endpoint.authority = std::string(parts->host) + ":" + std::string(port);
  if (grpc) {
    if (!path.empty() && path != "/") return bad(text, "gRPC knows no path");
    path = route.grpc_method;
  } else if (!as_is) {
    while (path.ends_with('/')) path.pop_back();
    path += route.http_path;
  } else if (path.empty()) {
    path = "/";
  }
  endpoint.url = (endpoint.tls ? "https://" : "http://") + endpoint.authority + path;
  return endpoint;
}

}  // namespace telegen
