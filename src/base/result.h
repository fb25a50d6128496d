// The one error language of Telegen: a function that can fail returns Result<T>.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace telegen {

// What a failure means to the caller; `telegen` maps it to an exit code (see docs/commands.md).
enum class ErrorKind { kGeneral, kConfiguration, kBpf, kPermission, kExport };

// An error says what was tried, on what, and why it failed ("open /run/x.sock: Permission denied").
struct Error {
  ErrorKind kind = ErrorKind::kGeneral;
  int code = 0;  // errno, or 0 where none applies
  std::string message;
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(std::string message, ErrorKind kind = ErrorKind::kGeneral) {
  return std::unexpected(Error{kind, 0, std::move(message)});
}

// "<action> <object>: <errno in words>"; `code` is an errno value, taken by the caller before anything can change it.
[[nodiscard]] std::unexpected<Error> fail_errno(int code, std::string_view action, std::string_view object,
                                                ErrorKind kind = ErrorKind::kGeneral);

// Puts what the caller was doing before the message: "load configuration: open telegen.yaml: …".
[[nodiscard]] std::unexpected<Error> while_doing(std::string_view action, Error error);

}  // namespace telegen
