// The sections of /status, as JSON text.
#pragma once

#include <string>
#include <vector>

#include "delivery/delivery.h"
#include "event_loop.h"
#include "ingest/kernel_counters.h"

namespace telegen::app {

// {"ring": {"bytes", "used_bytes"}, "records", "lost": {cause: count}, "worker_generation"}
std::string ebpf_status(const KernelCounters& counters, const EventLoop& events, std::uint32_t generation);
// {"destinations": [text], "receivers": [{"endpoint", "reachable", "last_error", "seconds_since_delivery"}]}
std::string export_status(const std::vector<SenderStatus>& senders, const std::vector<std::string>& destinations,
                          Time now);
// {signal: {"received", "dropped": {cause: count}, "held", "destinations": {name: {"received", "recovered", "exported",
// "dropped", "held"}}, "queues": {name: {"requests", "bytes", "limit_bytes", "oldest_seconds"}}}}; signals of which
// nothing came are left out.
std::string queues_status(const Delivery& delivery, Time now);

}  // namespace telegen::app
