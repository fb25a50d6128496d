#include "http_probe.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstring>

#include "base/fd.h"
#include "control/api/listen.h"

namespace telegen::test {
namespace {

Fd connect_to(const SocketAddress& server) {
  const bool v6 = server.family == AddressFamily::kIpv6;
  Fd socket(::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0));
  const timeval limit{20, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in6 in6{.sin6_family = AF_INET6, .sin6_port = htons(server.port)};
  std::memcpy(&in6.sin6_addr, server.bytes.data(), 16);
  sockaddr_in in4{.sin_family = AF_INET, .sin_port = htons(server.port)};
  std::memcpy(&in4.sin_addr, server.bytes.data(), 4);
  const int failed = v6 ? ::connect(socket.get(), reinterpret_cast<sockaddr*>(&in6), sizeof in6)
                        : ::connect(socket.get(), reinterpret_cast<sockaddr*>(&in4), sizeof in4);
  if (failed != 0) socket.reset();
  return socket;
}

}  // namespace

Answer talk(const SocketAddress& server, const std::string& request) {
  const Fd socket = connect_to(server);
  if (!socket.valid()) return {};
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t n = ::send(socket.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  std::string all;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::recv(socket.get(), buffer, sizeof buffer, 0)) > 0;)
    all.append(buffer, static_cast<std::size_t>(n));
  Answer answer;
  const std::size_t end = all.find("\r\n\r\n");
  answer.head = all.substr(0, end);
  if (end != std::string::npos) answer.body = all.substr(end + 4);
  if (answer.head.starts_with("HTTP/1.1 ")) answer.status = std::stoi(answer.head.substr(9, 3));
  return answer;
}

Answer send(const SocketAddress& server, const std::string& method, const std::string& path,
            const std::string& headers) {
  const std::string host = headers.contains("Host:") ? "" : "Host: " + listen_text(server) + "\r\n";
  return talk(server, method + " " + path + " HTTP/1.1\r\n" + host + headers + "\r\n");
}

Answer get(const SocketAddress& server, const std::string& path, const std::string& headers) {
  return send(server, "GET", path, headers);
}

}  // namespace telegen::test
