// GET requests to the API of a running agent.
#pragma once

#include <string>

#include "base/address.h"
#include "base/result.h"

namespace telegen::app {

struct ApiAnswer {
  int status = 0;
  std::string body;
};

// At most 5 s and 16 MiB. "0.0.0.0" and "::" are asked for on the loopback address.
Result<ApiAnswer> api_get(const SocketAddress& address, const std::string& path, const std::string& token);

}  // namespace telegen::app
