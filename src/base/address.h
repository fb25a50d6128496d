// One end of a socket, as the kernel holds it.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace telegen {

enum class AddressFamily : std::uint8_t { kNone, kIpv4, kIpv6, kUnix };

struct SocketAddress {
  AddressFamily family = AddressFamily::kNone;
  std::uint16_t port = 0;                // host byte order; 0 for UNIX sockets
  std::array<std::uint8_t, 16> bytes{};  // network byte order; IPv4 uses the first four
  std::string path;                      // UNIX: the path, or "@name" for the abstract namespace; empty if unnamed
  bool operator==(const SocketAddress&) const = default;
};

// "192.0.2.1", "2001:db8::1" or the path, without the port. An IPv4-mapped IPv6 address is shown as IPv4.
std::string to_text(const SocketAddress& address);

}  // namespace telegen
