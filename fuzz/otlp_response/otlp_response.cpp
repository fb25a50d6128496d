// Whatever a receiver answers: decoders and classification must neither crash nor grow. The first byte chooses which.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "export/otlp/response.h"
#include "export/otlp/utf8.h"
#include "export/retry.h"
#include "export/transport/answer.h"
#include "export/transport/compression.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_message(const std::string& message) {
  // Cut before it is mended: each byte may become one mark of three.
  require(message.size() <= 3 * telegen::otlp::kMaxMessageBytes);
  require(telegen::otlp::valid_utf8(message));
}

void check(const telegen::SendOutcome& outcome) {
  if (const auto* partial = std::get_if<telegen::Partial>(&outcome)) check_message(partial->message);
  if (const auto* retry = std::get_if<telegen::Retry>(&outcome)) {
    require(telegen::otlp::valid_utf8(retry->reason));
    require(!retry->after || (retry->after->count() >= 0 && *retry->after <= std::chrono::hours(25)));
  }
  if (const auto* permanent = std::get_if<telegen::Permanent>(&outcome)) {
    require(telegen::otlp::valid_utf8(permanent->reason));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const long http_status = 100 + data[1] * 2L;
  switch (data[0] % 8) {
    case 0:
      if (const auto partial = telegen::otlp::decode_trace_response(input)) check_message(partial->message);
      break;
    case 1:
      if (const auto status = telegen::otlp::decode_rpc_status(input)) {
        check_message(status->message);
        require(status->retry_delay.count() >= 0);
      }
      break;
    case 2:
      if (const auto bytes = telegen::otlp::decode_base64(input)) require(bytes->size() <= input.size());
      break;
    case 3: check_message(telegen::otlp::decode_grpc_message(input)); break;
    case 4: check(telegen::classify_http({.http_status = http_status, .body = std::string(input)}, {})); break;
    case 5:
      check(telegen::classify_grpc({.http_status = 200,
                                    .body = std::string(input),
                                    .content_type = "application/grpc",
                                    .grpc_status = data[1] % 4 < 2 ? "0" : "",
                                    .grpc_encoding = data[1] % 2 == 0 ? "gzip" : "zstd"}));
      break;
    case 6:
      check(telegen::classify_grpc({.http_status = http_status,
                                    .grpc_status = std::to_string(data[1] % 20),
                                    .grpc_message = std::string(input),
                                    .grpc_details = std::string(input)}));
      break;
    default:
      check(telegen::classify_http({.http_status = 503, .retry_after = std::string(input)},
                                   {1'700'000'000'000'000'000ULL}));
      break;
  }
  return 0;
}
