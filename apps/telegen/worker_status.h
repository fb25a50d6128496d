// The sections of /status, as JSON text.
#pragma once

#include <string>
#include <vector>

#include "event_loop.h"
#include "ingest/kernel_counters.h"
#include "pipeline/export_loop.h"
#include "pipeline/span_queue.h"

namespace telegen::app {

// {"ring": {"bytes", "used_bytes"}, "records", "lost": {cause: count}, "worker_generation"}
std::string ebpf_status(const KernelCounters& counters, const EventLoop& events, std::uint32_t generation);
// {"destinations": […], "retrying", "last_error", "seconds_since_delivery"}
std::string export_status(const ExportStatus& status, const std::vector<std::string>& destinations, Time now);
// {"traces": {"received", "exported", "dropped": {cause: count}, "held", "held_bytes"}}
std::string queues_status(const Accounting& account);

}  // namespace telegen::app
