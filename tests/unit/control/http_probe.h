// A raw HTTP exchange over a real loopback socket: what is sent and received is visible byte by byte.
#pragma once

#include <string>

#include "base/address.h"

namespace telegen::test {

struct Answer {
  int status = 0;  // 0: no answer
  std::string head;
  std::string body;
};

// Sends `request` as it is, then reads until the server closes.
Answer talk(const SocketAddress& server, const std::string& request);

// "GET /path HTTP/1.1" with Host and the given further header lines ("Name: value\r\n").
Answer get(const SocketAddress& server, const std::string& path, const std::string& headers = "");
Answer send(const SocketAddress& server, const std::string& method, const std::string& path,
            const std::string& headers = "");

}  // namespace telegen::test
