#include "export/otlp/response.h"

#include <algorithm>
#include <protozero/pbf_reader.hpp>

#include "export/otlp/utf8.h"

namespace telegen::otlp {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

constexpr std::string_view kRetryInfoType = "google.rpc.RetryInfo";
constexpr std::int64_t kLongestDelaySeconds = 24 * 3600;

std::string message_of(pbf_reader& reader) {
  const auto view = reader.get_view();
  std::string text = to_valid_utf8({view.data(), std::min(view.size(), kMaxMessageBytes)});
  return text;
}

bool is_bytes(const pbf_reader& reader, std::uint32_t field) {
  return reader.tag() == field && reader.wire_type() == pbf_wire_type::length_delimited;
}
bool is_varint(const pbf_reader& reader, std::uint32_t field) {
  return reader.tag() == field && reader.wire_type() == pbf_wire_type::varint;
}

// RetryInfo { Duration retry_delay = 1; }, Duration { int64 seconds = 1; int32 nanos = 2; }
Duration read_retry_info(pbf_reader info) {
  std::int64_t seconds = 0;
  std::int64_t nanos = 0;
  while (info.next()) {
    if (!is_bytes(info, 1)) {
      info.skip();
      continue;
    }
    pbf_reader duration = info.get_message();
    while (duration.next()) {
      if (is_varint(duration, 1)) {
        seconds = duration.get_int64();
      } else if (is_varint(duration, 2)) {
        nanos = duration.get_int32();
      } else {
        duration.skip();
      }
    }
  }
  seconds = std::clamp<std::int64_t>(seconds, 0, kLongestDelaySeconds);
  nanos = std::clamp<std::int64_t>(nanos, 0, 999'999'999);
  return std::chrono::seconds(seconds) + Duration(nanos);
}

// Any { string type_url = 1; bytes value = 2; }; the type is what follows the last slash.
void read_detail(pbf_reader any, RpcStatus& status) {
  std::string_view type;
  std::string_view value;
  while (any.next()) {
    if (is_bytes(any, 1)) {
      const auto view = any.get_view();
      type = {view.data(), view.size()};
    } else if (is_bytes(any, 2)) {
      const auto view = any.get_view();
      value = {view.data(), view.size()};
    } else {
      any.skip();
    }
  }
  if (type.substr(type.rfind('/') + 1) != kRetryInfoType) return;
  status.has_retry_info = true;
  status.retry_delay = read_retry_info(pbf_reader(value.data(), value.size()));
}

PartialSuccess read_partial_success(pbf_reader reader) {
  PartialSuccess partial;
  while (reader.next()) {
    if (is_varint(reader, 1)) {
      partial.rejected = static_cast<std::uint64_t>(std::max<std::int64_t>(reader.get_int64(), 0));
    } else if (is_bytes(reader, 2)) {
      partial.message = message_of(reader);
    } else {
      reader.skip();
    }
  }
  return partial;
}

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<PartialSuccess> decode_trace_response(std::string_view body) {
  if (body.size() > kMaxResponseBytes) return std::nullopt;
  try {  // protozero reports malformed input by exceptions; they end here
    PartialSuccess partial;
    pbf_reader reader(body.data(), body.size());
    while (reader.next()) {
      if (is_bytes(reader, 1)) {
        partial = read_partial_success(reader.get_message());
      } else {
        reader.skip();
      }
    }
    return partial;
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
}

std::optional<RpcStatus> decode_rpc_status(std::string_view body) {
  if (body.size() > kMaxResponseBytes) return std::nullopt;
  try {
    RpcStatus status;
    pbf_reader reader(body.data(), body.size());
    while (reader.next()) {
      if (is_varint(reader, 1)) {
        status.code = reader.get_int32();
      } else if (is_bytes(reader, 2)) {
        status.message = message_of(reader);
      } else if (is_bytes(reader, 3)) {
        read_detail(reader.get_message(), status);
      } else {
        reader.skip();
      }
    }
    return status;
  } catch (const protozero::exception&) {
    return std::nullopt;
  }
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() > kMaxResponseBytes) return std::nullopt;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held & 0xff);
  }
  return out;
}

std::string decode_grpc_message(std::string_view text) {
  text = text.substr(0, 3 * kMaxMessageBytes);
  std::string out;
  for (std::size_t i = 0; i < text.size() && out.size() < kMaxMessageBytes; ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return to_valid_utf8(out);
}

}  // namespace telegen::otlp
