// Where the HTTP API listens.
#pragma once

#include <string>
#include <string_view>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"

namespace telegen {

// "127.0.0.1:19090", "[::1]:19090", "localhost:19090" (127.0.0.1) or ":19090" (every IPv4 address). Port 0: any free
// one.
Result<SocketAddress> parse_listen(std::string_view text);

std::string listen_text(const SocketAddress& address);  // "127.0.0.1:19090", "[::1]:19090"
bool is_loopback(const SocketAddress& address);

// A bound, listening, non-blocking socket: "listen 127.0.0.1:19090: Address already in use" where that fails.
Result<Fd> open_listener(const SocketAddress& address);

// What a listening socket is bound to: with port 0 asked for, the port that the kernel chose.
Result<SocketAddress> local_address(const Fd& socket);

}  // namespace telegen
