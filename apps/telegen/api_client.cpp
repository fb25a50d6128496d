#include "api_client.h"

#include <httplib.h>

#include <algorithm>

#include "control/api/listen.h"

namespace telegen::app {
namespace {

constexpr std::size_t kLargestAnswer = 16U << 20;

SocketAddress reachable(SocketAddress address) {
  if (std::ranges::any_of(address.bytes, [](auto byte) { return byte != 0; })) return address;
  if (address.family == AddressFamily::kIpv4)
    address.bytes = {127, 0, 0, 1};
  else
    address.bytes[15] = 1;
  return address;
}

}  // namespace

Result<ApiAnswer> api_get(const SocketAddress& address, const std::string& path, const std::string& token) {
  const SocketAddress target = reachable(address);
  httplib::Client client(to_text(target), target.port);
  client.set_connection_timeout(2);
  client.set_read_timeout(5);
  httplib::Headers headers;
  if (!token.empty()) headers.emplace("Authorization", "Bearer " + token);
  std::string body;
  const auto result = client.Get(path, headers, [&](const char* data, std::size_t size) {
    if (body.size() + size > kLargestAnswer) return false;
    body.append(data, size);
    return true;
  });
  if (!result) {
    const std::string where = "GET http://" + listen_text(target) + path + ": ";
    if (result.error() == httplib::Error::Connection) {
      return fail(where + "nothing answers there; is the agent running? (--address says where else to ask)");
    }
    return fail(where + "the answer broke off (" + httplib::to_string(result.error()) + ")");
  }
  return ApiAnswer{result->status, std::move(body)};
}

}  // namespace telegen::app
