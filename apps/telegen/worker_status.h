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
// {"pipeline": [{"signal", "received", "dropped", "held"}],
//  "destinations": [{"signal", "destination", "received", "recovered", "exported", "dropped", "held", and where there
//  is a
//                    queue "requests", "bytes", "limit_bytes", "oldest_seconds"}],
//  "dropped": [{"signal", "destination" (empty: before the queues), "cause", "items"}], those above zero}
std::string queues_status(const Delivery& delivery, Time now);

}  // namespace telegen::app
