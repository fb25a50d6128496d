// From what a receiver answered to what becomes of the request: pure, so every row of the table is a unit test.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "export/transport/transport.h"

namespace telegen {

// A complete answer, untrusted. Header values are as received; absent ones are empty.
struct Answer {
  long http_status = 0;
  std::string body;
  std::string content_type;
  std::string retry_after;    // HTTP
  std::string grpc_status;    // gRPC; in the trailers, or in the headers of a trailers-only answer
  std::string grpc_message;   // percent-encoded
  std::string grpc_details;   // grpc-status-details-bin: google.rpc.Status in base64
  std::string grpc_encoding;  // of a body whose message is marked as compressed
};

// OTLP/HTTP: 2xx is success (partial if the body says so), 429 502 503 504 are tried again, anything else is permanent.
SendOutcome classify_http(const Answer& answer, UnixTime now);

// OTLP/gRPC. Without grpc-status the HTTP status decides ("HTTP to gRPC Status Code Mapping"); with HTTP 200 and no
// grpc-status, what is no gRPC at all is UNKNOWN, so permanent. A gRPC answer has lost its trailers: libcurl 7.88
// passes them over when the receiver announces the end of the connection (GOAWAY) in the same breath. It stands by its
// message, which servers send with success only, and is tried again where that is not complete either.
SendOutcome classify_grpc(const Answer& answer);

}  // namespace telegen
