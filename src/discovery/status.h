// `/status/discovery` of the API.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discovery/catalog.h"

namespace telegen {

bool is_traced_io_uring_user(const CatalogEntry& entry);  // a running one
// The pids of traced, running processes that have an io_uring, in order.
std::vector<std::uint32_t> io_uring_users(const ProcessSnapshot& snapshot);

// JSON: {"processes", "exited", "by_runtime": {language: count}, "selected": {yes|no|unknown: count},
// "services": [{"name", "namespace", "language", "processes", "pids": first 100}], "services_left_out",
// "io_uring": {"processes", "pids": first 100, "partly_traced"}}. `io_uring_unseen`: why what goes through io_uring is
// not seen, which "partly_traced" tells of its users; empty: it is seen, and "partly_traced" is null. Command lines and
// environments are not in it. Any thread.
std::string discovery_status(const ProcessSnapshot& snapshot, const std::string& io_uring_unseen);

}  // namespace telegen
