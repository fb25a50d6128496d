// One request to an OTLP receiver, over HTTP or gRPC.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "export/exporter.h"
#include "export/transport/compression.h"
#include "export/transport/endpoint.h"
#include "export/transport/tls.h"

namespace telegen {

struct Payload {
  std::string_view body;  // an Export…ServiceRequest, not compressed
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Blocks up to the timeout. One thread at a time.
  virtual SendOutcome send(const Payload& payload, const SendContext& context) = 0;
  // "host:port", for messages.
  virtual std::string_view authority() const = 0;
};

// libcurl's process-wide state: made once by the wiring, before threads are, and outlives every transport.
class CurlRuntime {
 public:
  static Result<CurlRuntime> start();
  CurlRuntime(CurlRuntime&& other) noexcept : active_(std::exchange(other.active_, false)) {}
  CurlRuntime& operator=(CurlRuntime&&) = delete;
  CurlRuntime(const CurlRuntime&) = delete;
  ~CurlRuntime();

 private:
  CurlRuntime() = default;
  bool active_ = true;
};

struct TransportConfig {
  Endpoint endpoint;
  bool grpc = true;
  Compression compression = Compression::kGzip;
  Duration timeout = std::chrono::seconds(10);
  std::map<std::string, std::string> headers;
  TlsMaterial tls;
  std::string version;  // of the agent, for the user agent
};

// The transport of traces; `tls` as load_tls_material() read it. Errors are of the configuration: bad endpoint,
// impossible header.
Result<TransportConfig> traces_transport_config(const OtlpSettings& settings, TlsMaterial tls, std::string version);

// Connections are kept and used again. Proxies named by environment variables are not used: the configuration is all.
Result<std::unique_ptr<Transport>> make_transport(TransportConfig config);

}  // namespace telegen
