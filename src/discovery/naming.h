// A service name for a process that was not given one: from its script, module, jar or executable, as a person would
// call it. `python3 -u app.py` is "app", `gunicorn orders.wsgi` is "orders", `java -jar orders-1.2.jar` is "orders".
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace telegen {

struct NamingInput {
  std::string_view exe_path;          // empty: unknown
  std::span<const std::string> args;  // argv as the process shows it now; it may have rewritten it as a title
  std::string_view comm;              // at most 15 bytes
  std::string_view cwd;               // empty: unknown. Tells the project where a script is called index.js
};

// Never empty: where nothing tells, "unknown_service" (as the SDK specification has it). Clean UTF-8, at most 255
// bytes.
std::string derive_service_name(const NamingInput& input);

}  // namespace telegen
