// Where a signal is sent: from the words of the configuration to a URL.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/signal.h"

namespace telegen {

// What the OTLP specification names for a signal.
struct SignalRoute {
  std::string_view name;         // "traces"
  std::string_view grpc_method;  // the path of the gRPC call
  std::string_view http_path;    // appended to the base endpoint over HTTP
};
const SignalRoute& route_of(Signal signal);

struct Endpoint {
  std::string url;        // complete, path included
  std::string authority;  // "host:port", for messages
  bool tls = false;
};

// `text` is "host:port", "host", "http://…" or "https://…". Without a scheme, TLS is used where `tls_enabled`, and the
// port defaults to 4317 (gRPC) or 4318 (HTTP); a URL without a port has its scheme's. `as_is`: an endpoint of one
// signal, whose path is taken as it is written (over HTTP).
Result<Endpoint> parse_endpoint(std::string_view text, bool grpc, bool tls_enabled, bool as_is, Signal signal);

}  // namespace telegen
