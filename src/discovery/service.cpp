#include "discovery/service.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "discovery/proc_parse.h"
#include "discovery/text.h"

namespace telegen {
namespace {

constexpr std::size_t kMaxAttributes = 128;
constexpr std::size_t kMaxAttributeBytes = 1024;
constexpr std::uint8_t kInstanceNamespace[16] = {0x4d, 0x63, 0x00, 0x9a, 0x8d, 0x0f, 0x11, 0xee,
                                                 0xaa, 0xd7, 0x4c, 0x79, 0x6e, 0xd8, 0xe3, 0x20};

std::optional<unsigned> hex_digit(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    out.push_back(static_cast<char>(*high * 16 + *low));
    i += 2;
  }
  return out;
}

// SHA-1 (RFC 3174), for names only: UUID version 5 is defined by it.
std::array<std::uint8_t, 20> sha1(std::string message) {
  std::array<std::uint32_t, 5> hash = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const std::uint64_t bits = message.size() * 8;
  message.push_back('\x80');
  while (message.size() % 64 != 56) message.push_back('\0');
  for (int shift = 56; shift >= 0; shift -= 8) message.push_back(static_cast<char>(bits >> shift));
  for (std::size_t block = 0; block < message.size(); block += 64) {
    std::array<std::uint32_t, 80> w{};
    for (std::size_t i = 0; i < 64; ++i) {
      w[i / 4] = (w[i / 4] << 8) | static_cast<unsigned char>(message[block + i]);
    }
    for (std::size_t i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    auto [a, b, c, d, e] = hash;
    for (std::size_t i = 0; i < 80; ++i) {
      std::uint32_t f = b ^ c ^ d, k = i < 40 ? 0x6ed9eba1 : 0xca62c1d6;
      if (i < 20) {
        f = (b & c) | (~b & d);
        k = 0x5a827999;
      } else if (i >= 40 && i < 60) {
        f = (b & c) | (b & d) | (c & d);
        k = 0x8f1bbcdc;
      }
      const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    const std::array<std::uint32_t, 5> add = {a, b, c, d, e};
    for (std::size_t i = 0; i < hash.size(); ++i) hash[i] += add[i];
  }
  std::array<std::uint8_t, 20> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(hash[i / 4] >> (24 - 8 * (i % 4)));
  return out;
}

}  // namespace

Result<StringPairs> parse_resource_attributes(std::string_view text) {
  StringPairs out;
  for (const std::string_view raw : split(text, ',')) {
    const std::string_view item = trim(raw);
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) return fail("an entry of OTEL_RESOURCE_ATTRIBUTES has no '='");
    const auto key = percent_decoded(trim(item.substr(0, equals)));
    const auto value = percent_decoded(trim(item.substr(equals + 1)));
    if (!key || key->empty()) return fail("a key of OTEL_RESOURCE_ATTRIBUTES is empty or wrongly percent-encoded");
    if (!value) return fail("a value of OTEL_RESOURCE_ATTRIBUTES is wrongly percent-encoded");
    std::string clean_key = to_clean_utf8(*key, kMaxAttributeBytes);
    std::string clean_value = to_clean_utf8(*value, kMaxAttributeBytes);
    const auto same = std::find_if(out.begin(), out.end(), [&](const auto& pair) { return pair.first == clean_key; });
    if (same != out.end()) {
      same->second = std::move(clean_value);
    } else if (out.size() < kMaxAttributes) {
      out.emplace_back(std::move(clean_key), std::move(clean_value));
    }
  }
  return out;
}

OtelEnvironment parse_otel_environment(std::string_view environ) {
  OtelEnvironment out;
  for (const std::string& entry : split_arguments(environ)) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos) continue;
    const std::string_view name = std::string_view(entry).substr(0, equals);
    const std::string_view value = trim(std::string_view(entry).substr(equals + 1));
    if (name == "OTEL_SERVICE_NAME") out.service_name = to_clean_utf8(value, 255);
    if (name == "OTEL_RESOURCE_ATTRIBUTES") {
      auto attributes = parse_resource_attributes(value);
      out.attributes_malformed = !attributes;
      if (attributes) out.resource_attributes = std::move(*attributes);
    }
    if (name == kOtelAgentMark) out.agent_loaded = true;
    if (name == "OTEL_TRACES_EXPORTER" && value == "none") out.traces_off = true;
    if (name == "OTEL_SDK_DISABLED" && to_lower(value) == "true") out.traces_off = true;
  }
  return out;
}

std::string uuid_v5(const std::uint8_t (&name_space)[16], std::string_view name) {
  std::string message(reinterpret_cast<const char*>(name_space), sizeof name_space);
  message += name;
  auto hash = sha1(std::move(message));
  hash[6] = static_cast<std::uint8_t>((hash[6] & 0x0f) | 0x50);
  hash[8] = static_cast<std::uint8_t>((hash[8] & 0x3f) | 0x80);
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    out.push_back(kHex[hash[i] >> 4]);
    out.push_back(kHex[hash[i] & 15]);
  }
  return out;
}

std::string make_instance_id(std::string_view host_id, std::uint32_t pid, std::uint64_t start_ticks) {
  return uuid_v5(kInstanceNamespace,
                 std::string(host_id) + "/" + std::to_string(pid) + "/" + std::to_string(start_ticks));
}

}  // namespace telegen
