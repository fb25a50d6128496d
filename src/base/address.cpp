#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace telegen {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// As inet_ntop(3) writes it, which goes through printf and costs ten times this: two or three times a span.
std::string ipv4_text(const std::uint8_t* bytes) {
  char text[INET_ADDRSTRLEN];
  char* end = text;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) *end++ = '.';
    end = std::to_chars(end, text + sizeof text, bytes[i]).ptr;
  }
  return {text, end};
}

}  // namespace

std::string to_text(const SocketAddress& address) {
  char text[INET6_ADDRSTRLEN] = {};
  switch (address.family) {
    case AddressFamily::kNone: return {};
    case AddressFamily::kUnix: return address.path;
    case AddressFamily::kIpv4: return ipv4_text(address.bytes.data());
    case AddressFamily::kIpv6: break;
  }
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin())) {
    return ipv4_text(address.bytes.data() + kMappedPrefix.size());
  }
  ::inet_ntop(AF_INET6, address.bytes.data(), text, sizeof text);
  return text;
}

}  // namespace telegen
