#include "load_rules.h"

namespace telegen::app {

// One line a room: `request.environment_rules.push_back(…)` for OTEL_* variables, `request.checks.push_back(…)`.
LoadRequest with_rules(LoadRequest request) { return request; }

}  // namespace telegen::app
