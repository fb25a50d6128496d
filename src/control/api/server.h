// The HTTP API on a socket. One thread accepts, two answer; a request has 5 s from its acceptance to its last byte, a
// connection carries one request, and at most 16 wait (the rest in the kernel's backlog).
#pragma once

#include <memory>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"
#include "control/api/dependencies.h"

namespace telegen {

class ApiServer {
 public:
  // Takes a socket that is bound and listening (open_listener, or handed in by a process with more rights).
  static Result<std::unique_ptr<ApiServer>> start(Fd listener, ApiDependencies dependencies);
  static Result<std::unique_ptr<ApiServer>> start(const SocketAddress& address, ApiDependencies dependencies);

  virtual ~ApiServer() = default;  // answers what was accepted, then ends its threads
  virtual SocketAddress address() const = 0;

 protected:
  ApiServer() = default;
};

}  // namespace telegen
