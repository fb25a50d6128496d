// One request to an OTLP receiver, over HTTP or gRPC.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/result.h"
#include "base/time.h"
#include "export/settings.h"
#include "export/transport/compression.h"
#include "export/transport/endpoint.h"
#include "export/transport/tls.h"
#include "model/signal.h"

namespace telegen {

// What became of one request. Reasons are for people ("connect 127.0.0.1:4317: Connection refused").
struct Accepted {};
struct Partial {  // accepted but for `rejected` items; never sent again
  std::uint64_t rejected = 0;
  std::string message;
};
struct Retry {  // not accepted, may be later; `after` is what the receiver asked to wait
  std::optional<Duration> after;
  std::string reason;
  bool may_have_arrived = false;  // the request went out, at least in part, and no answer came
  bool was_slow = false;          // its time was over while it was still being sent
};
struct Permanent {  // not accepted, and never will be
  std::string reason;
};
using SendOutcome = std::variant<Accepted, Partial, Retry, Permanent>;

// The circumstances of one attempt.
struct SendContext {
  UnixTime now;             // the wall clock, for dates in answers
  Duration time_limit;      // on top of the transport's own timeout; the shorter counts
  std::stop_token abandon;  // requested: give it up within about a second
  int patience = 1;         // the timeout is so many times as long, for a link that proved to be slow
};

// An Export…ServiceRequest in the compressed form in which it goes out.
constexpr std::size_t kFramePrefix = 5;
struct Payload {
  Signal signal = Signal::kTraces;
  Compression compression = Compression::kNone;
  std::string bytes;  // kFramePrefix bytes of any value, which gRPC needs for its own, then the request
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Blocks up to the timeout. One thread at a time. Writes the prefix of the payload.
  virtual SendOutcome send(Payload& payload, const SendContext& context) = 0;
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
  std::string authority;
  std::array<std::string, kSignals> urls;  // of each signal
  bool encrypted = false;
  bool grpc = true;
  Duration timeout = std::chrono::seconds(10);
  std::map<std::string, std::string> headers;
  std::string proxy = "environment";  // or "none", or a URL
  TlsMaterial tls;
  std::string version;  // of the agent, for the user agent
};

// How to reach `endpoint`, which stands for that of the settings, as one of `failover` or of a signal's own does
// (`as_is`). Errors are of the configuration and begin with its key, in `section` ("otlp"): bad endpoint, impossible
// header, nobody to verify the receiver by.
Result<TransportConfig> transport_config(const OtlpWireSettings& settings, std::string_view section,
                                         std::string_view endpoint, bool as_is, TlsMaterial tls, std::string version);

// Connections are kept and used again, at most for five minutes, so that a name that means another host is noticed.
Result<std::unique_ptr<Transport>> make_transport(TransportConfig config);

}  // namespace telegen
