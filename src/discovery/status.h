// `/status/discovery` of the API.
#pragma once

#include <string>

#include "discovery/catalog.h"

namespace telegen {

// JSON: {"processes", "exited", "by_runtime": {language: count}, "selected": {yes|no|unknown: count},
// "services": [{"name", "namespace", "language", "processes", "pids": first 100}], "services_left_out"}. Command lines
// and environments are not in it. Any thread.
std::string discovery_status(const ProcessSnapshot& snapshot);

}  // namespace telegen
