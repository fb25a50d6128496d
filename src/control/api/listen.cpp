#include "control/api/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace telegen {
namespace {

constexpr int kBacklog = 64;

std::unexpected<Error> wrong(std::string_view text, std::string_view why) {
  std::string shown(text.substr(0, 80));
  std::ranges::replace_if(shown, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return fail("'" + shown + "' " + std::string(why) + "; write it like 127.0.0.1:19090 or [::1]:19090",
              ErrorKind::kConfiguration);
}

ErrorKind kind_of(int code) { return code == EACCES || code == EPERM ? ErrorKind::kPermission : ErrorKind::kGeneral; }

}  // namespace

Result<SocketAddress> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong(text, "has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  SocketAddress address{.family = AddressFamily::kIpv4};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) return wrong(text, "has no port from 0 to 65535");
  if (host.empty()) return address;
  if (host == "localhost") host = "127.0.0.1";
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.contains(':')) return wrong(text, "is ambiguous: an IPv6 address stands in brackets");
  address.family = bracketed ? AddressFamily::kIpv6 : AddressFamily::kIpv4;
  if (::inet_pton(bracketed ? AF_INET6 : AF_INET, std::string(host).c_str(), address.bytes.data()) != 1) {
    return wrong(text, "has no IP address (names are not looked up)");
  }
  return address;
}

std::string listen_text(const SocketAddress& address) {
  char host[INET6_ADDRSTRLEN] = {};
  const bool v6 = address.family == AddressFamily::kIpv6;
  ::inet_ntop(v6 ? AF_INET6 : AF_INET, address.bytes.data(), host, sizeof host);
  return (v6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::to_string(address.port);
}

bool is_loopback(const SocketAddress& address) {
  if (address.family == AddressFamily::kIpv4) return address.bytes[0] == 127;
  if (address.family != AddressFamily::kIpv6) return address.family == AddressFamily::kUnix;
  in6_addr v6{};
  std::memcpy(&v6, address.bytes.data(), sizeof v6);
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && address.bytes[12] == 127);
}

Result<Fd> open_listener(const SocketAddress& address) {
  const std::string text = listen_text(address);
  const bool v6 = address.family == AddressFamily::kIpv6;
  Fd socket(::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return fail_errno(errno, "listen", text);
  const int on = 1;  // a restart must not wait for old connections to be forgotten
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage storage{};
  socklen_t length = 0;
  if (v6) {
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&storage);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(address.port);
    std::memcpy(&in6->sin6_addr, address.bytes.data(), sizeof in6->sin6_addr);
    length = sizeof *in6;
  } else {
    auto* in4 = reinterpret_cast<sockaddr_in*>(&storage);
    in4->sin_family = AF_INET;
    in4->sin_port = htons(address.port);
    std::memcpy(&in4->sin_addr, address.bytes.data(), sizeof in4->sin_addr);
    length = sizeof *in4;
  }
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    const int code = errno;
    return fail_errno(code, "listen", text, kind_of(code));
  }
  return socket;
}

Result<SocketAddress> local_address(const Fd& socket) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
    return fail_errno(errno, "getsockname", "the API's socket");
  }
  SocketAddress address;
  if (storage.ss_family == AF_INET) {
    const auto* in4 = reinterpret_cast<const sockaddr_in*>(&storage);
    address.family = AddressFamily::kIpv4;
    address.port = ntohs(in4->sin_port);
    std::memcpy(address.bytes.data(), &in4->sin_addr, sizeof in4->sin_addr);
  } else if (storage.ss_family == AF_INET6) {
    const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    address.family = AddressFamily::kIpv6;
    address.port = ntohs(in6->sin6_port);
    std::memcpy(address.bytes.data(), &in6->sin6_addr, sizeof in6->sin6_addr);
  } else {
    return fail("the API's socket is neither IPv4 nor IPv6");
  }
  return address;
}

}  // namespace telegen
