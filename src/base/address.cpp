#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>

namespace telegen {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

std::string to_text(const SocketAddress& address) {
  char text[INET6_ADDRSTRLEN] = {};
  switch (address.family) {
    case AddressFamily::kNone: return {};
    case AddressFamily::kUnix: return address.path;
    case AddressFamily::kIpv4: ::inet_ntop(AF_INET, address.bytes.data(), text, sizeof text); return text;
    case AddressFamily::kIpv6: break;
  }
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin())) {
    ::inet_ntop(AF_INET, address.bytes.data() + kMappedPrefix.size(), text, sizeof text);
  } else {
    ::inet_ntop(AF_INET6, address.bytes.data(), text, sizeof text);
  }
  return text;
}

}  // namespace telegen
