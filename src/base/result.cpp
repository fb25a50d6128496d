#include "base/result.h"

#include <cstring>

namespace telegen {

std::unexpected<Error> fail_errno(int code, std::string_view action, std::string_view object, ErrorKind kind) {
  std::string message(action);
  if (!object.empty()) message.append(" ").append(object);
  message.append(": ").append(::strerrordesc_np(code) != nullptr ? ::strerrordesc_np(code) : "unknown error");
  return std::unexpected(Error{kind, code, std::move(message)});
}

std::unexpected<Error> while_doing(std::string_view action, Error error) {
  error.message.insert(0, std::string(action) + ": ");
  return std::unexpected(std::move(error));
}

}  // namespace telegen
