// What receivers answer: untrusted bytes to small values. Pure, bounded, never throws; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace telegen::otlp {

// Longer answers are not looked at (OTLP specification: a client may limit what it reads).
constexpr std::size_t kMaxResponseBytes = 4U << 20;
// Messages are for the log: what is longer is cut.
constexpr std::size_t kMaxMessageBytes = 1024;

// ExportTracePartialSuccess (collector/trace/v1/trace_service.proto). A negative count is taken as 0.
struct PartialSuccess {
  std::uint64_t rejected = 0;
  std::string message;
};

// google.rpc.Status with google.rpc.RetryInfo looked up among its details.
struct RpcStatus {
  int code = 0;
  std::string message;
  bool has_retry_info = false;
  Duration retry_delay{};  // 0 if RetryInfo has none; never negative, at most a day
};

// Nothing if the bytes are no ExportTraceServiceResponse. An empty answer is a full success.
std::optional<PartialSuccess> decode_trace_response(std::string_view body);

// Nothing if the bytes are no google.rpc.Status.
std::optional<RpcStatus> decode_rpc_status(std::string_view body);

// RFC 4648 with or without padding, as the values of "-bin" headers are. Nothing if it is not that.
std::optional<std::string> decode_base64(std::string_view text);

// The grpc-message header (gRPC over HTTP/2, "Percent-Encoded"): what is no escape stays.
std::string decode_grpc_message(std::string_view text);

}  // namespace telegen::otlp
