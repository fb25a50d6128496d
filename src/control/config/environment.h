// The environment as a value: nothing in this room calls getenv.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "control/config/scalar.h"

namespace telegen {

using Environment = std::map<std::string, std::string, std::less<>>;

// From an array like ::environ. Of a name that occurs twice the first counts, as for getenv.
Environment environment_from(const char* const* entries);

namespace config {

// Replaces ${NAME} and ${NAME:-default} (used where NAME is not set or empty). "$${" stands for "${"; any other "$" is
// itself. The result is at most 64 KiB. A default is plain text up to the next "}".
Parsed<std::string> expand(std::string_view text, const Environment& environment);

// The inverse for printing: every "${" becomes "$${".
std::string escape_references(std::string_view text);

// "otlp.traces.batch_size" → "TELEGEN_OTLP_TRACES_BATCH_SIZE".
std::string variable_name(std::string_view path);

// Kubernetes gives every container variables of the services beside it (TELEGEN_PORT_4317_TCP_ADDR, …), also of one
// that is called telegen. They are not ours and not mistakes.
bool is_kubernetes_service_variable(std::string_view name, std::string_view value);

}  // namespace config
}  // namespace telegen
