#include "export/transport/answer.h"

#include <charconv>
#include <cstdint>

#include "export/otlp/response.h"
#include "export/otlp/utf8.h"
#include "export/retry.h"
#include "export/transport/compression.h"

namespace telegen {
namespace {

// gRPC over HTTP/2: Length-Prefixed-Message → Compressed-Flag (1 byte), Message-Length (4 bytes, big endian), Message
constexpr std::size_t kGrpcPrefix = 5;

SendOutcome success(std::string_view body) {
  // The status already says that the request was taken; a body that is no answer to it changes nothing.
  const auto partial = otlp::decode_trace_response(body);
  if (!partial || (partial->rejected == 0 && partial->message.empty())) return Accepted{};
  return Partial{partial->rejected, partial->message};
}

std::optional<int> parse_status(std::string_view text) {
  int status = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  if (error != std::errc() || end != text.data() + text.size() || status < 0) return std::nullopt;
  return status;
}

// doc/http-grpc-status-mapping.md of grpc/grpc.
int grpc_status_of_http(long status) {
  switch (status) {
    case 400: return 13;
    case 401: return 16;
    case 403: return 7;
    case 404: return 12;
    case 429:
    case 502:
    case 503:
    case 504: return 14;
    default: return 2;
  }
}

// The message of a unary answer as it was sent, if all of it came.
std::optional<std::string_view> grpc_sent_message(const Answer& answer) {
  const std::string_view body = answer.body;
  if (body.size() < kGrpcPrefix) return std::nullopt;
  std::uint32_t length = 0;
  for (std::size_t i = 1; i < kGrpcPrefix; ++i) length = length << 8 | static_cast<unsigned char>(body[i]);
  if (length > body.size() - kGrpcPrefix) return std::nullopt;
  return body.substr(kGrpcPrefix, length);
}

// The same without its compression; empty where there is none or it cannot be read.
std::string grpc_message_body(const Answer& answer) {
  const auto message = grpc_sent_message(answer);
  if (!message) return {};
  if (answer.body[0] == 0) return std::string(*message);
  return decompress(answer.grpc_encoding, *message, otlp::kMaxResponseBytes).value_or(std::string());
}

SendOutcome without_status(const Answer& answer) {
  if (!answer.grpc_status.empty() || !answer.content_type.starts_with("application/grpc")) {
    return Permanent{"the answer has no grpc-status"};
  }
  if (!grpc_sent_message(answer)) return Retry{std::nullopt, "the answer was cut short"};
  return success(grpc_message_body(answer));
}

std::string with_message(std::string head, std::string_view message) {
  if (!message.empty()) head.append(": ").append(message);
  return head;
}

}  // namespace

SendOutcome classify_http(const Answer& answer, UnixTime now) {
  if (answer.http_status >= 200 && answer.http_status < 300) return success(answer.body);
  // Errors carry a google.rpc.Status; whatever else a proxy says in its place is text of unknown kind and left out.
  const auto status = otlp::decode_rpc_status(answer.body);
  std::string reason =
      with_message("HTTP " + std::to_string(answer.http_status), status ? std::string_view(status->message) : "");
  if (!http_retryable(answer.http_status)) return Permanent{std::move(reason)};
  return Retry{parse_retry_after(answer.retry_after, now), std::move(reason)};
}

SendOutcome classify_grpc(const Answer& answer) {
  std::optional<int> status = parse_status(answer.grpc_status);
  if (!status && answer.http_status == 200) return without_status(answer);
  if (!status) {
    const int code = grpc_status_of_http(answer.http_status);
    std::string reason = "HTTP " + std::to_string(answer.http_status) + " in place of a gRPC answer";
    if (grpc_retryable(code, false)) return Retry{std::nullopt, std::move(reason)};
    return Permanent{std::move(reason)};
  }
  if (*status == 0) return success(grpc_message_body(answer));
  std::optional<otlp::RpcStatus> details;
  if (const auto bytes = otlp::decode_base64(answer.grpc_details)) details = otlp::decode_rpc_status(*bytes);
  const bool has_retry_info = details && details->has_retry_info;
  std::string reason = with_message(grpc_status_name(*status), otlp::decode_grpc_message(answer.grpc_message));
  if (!grpc_retryable(*status, has_retry_info)) return Permanent{std::move(reason)};
  std::optional<Duration> after;
  if (has_retry_info && details->retry_delay > Duration::zero()) after = details->retry_delay;
  return Retry{after, std::move(reason)};
}

}  // namespace telegen
