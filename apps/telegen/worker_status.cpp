#include "worker_status.h"

#include <nlohmann/json.hpp>

namespace telegen::app {
namespace {

using nlohmann::json;

// Texts may quote what a server answered: any bytes.
std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

std::string ebpf_status(const KernelCounters& counters, const EventLoop& events, std::uint32_t generation) {
  return text_of({{"ring", {{"bytes", events.ring_size()}, {"used_bytes", events.ring_fill()}}},
                  {"records", counters.value(TG_COUNT_EVENTS)},
                  {"lost",
                   {{"ring_full", counters.value(TG_COUNT_RING_FULL)},
                    {"connection_table_full", counters.value(TG_COUNT_TABLE_FULL)},
                    {"memory_unreadable", counters.value(TG_COUNT_UNREADABLE)},
                    {"arguments_missing", counters.value(TG_COUNT_ARGUMENTS_LOST)},
                    {"suspended", counters.value(TG_COUNT_SUSPENDED)}}},
                  {"worker_generation", generation}});
}

std::string export_status(const ExportStatus& status, const std::vector<std::string>& destinations, Time now) {
  json value{{"destinations", destinations}, {"retrying", status.retrying}, {"last_error", status.complaint}};
  if (status.delivered.ns != 0) {
    value["seconds_since_delivery"] = std::chrono::duration<double>(now - status.delivered).count();
  } else {
    value["seconds_since_delivery"] = nullptr;
  }
  return text_of(value);
}

std::string queues_status(const Accounting& account) {
  json dropped = json::object();
  for (std::size_t i = 0; i < kDropCauses; ++i) dropped[to_text(static_cast<DropCause>(i))] = account.dropped[i];
  return text_of({{"traces",
                   {{"received", account.received},
                    {"exported", account.exported},
                    {"dropped", dropped},
                    {"held", account.held},
                    {"held_bytes", account.held_bytes}}}});
}

}  // namespace telegen::app
