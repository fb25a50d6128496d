#include "worker_status.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace telegen::app {
namespace {

using json = nlohmann::ordered_json;  // columns in the order in which they are read

// Texts may quote what a server answered: any bytes.
std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

json destination_json(Signal signal, const std::string& name, const Accounting& account,
                      const std::vector<QueueStatus>& queues, Time now) {
  json row{{"signal", to_text(signal)},    {"destination", name},
           {"received", account.received}, {"recovered", account.recovered},
           {"exported", account.exported}, {"dropped", account.dropped_in_all()},
           {"held", account.held}};
  for (const QueueStatus& queue : queues) {
    if (queue.signal != signal || queue.destination != name) continue;
    row["requests"] = queue.figures.requests;
    row["bytes"] = queue.figures.bytes;
    row["limit_bytes"] = queue.figures.limit;
    row["oldest_seconds"] = queue.figures.oldest ? std::round(seconds(now - *queue.figures.oldest) * 10) / 10 : 0.0;
  }
  return row;
}

void add_dropped(Signal signal, const std::string& destination, const Accounting& account, json& rows) {
  for (std::size_t i = 0; i < kDropCauses; ++i) {
    if (account.dropped[i] == 0) continue;
    rows.push_back({{"signal", to_text(signal)},
                    {"destination", destination},
                    {"cause", to_text(static_cast<DropCause>(i))},
                    {"items", account.dropped[i]}});
  }
}

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

std::string export_status(const std::vector<SenderStatus>& senders, const std::vector<std::string>& destinations,
                          Time now) {
  json receivers = json::array();
  for (const SenderStatus& sender : senders) {
    json one{{"endpoint", sender.endpoint}, {"reachable", sender.reachable}, {"last_error", sender.complaint}};
    if (sender.delivered.ns != 0) {
      one["seconds_since_delivery"] = seconds(now - sender.delivered);
    } else {
      one["seconds_since_delivery"] = nullptr;
    }
    receivers.push_back(std::move(one));
  }
  return text_of({{"destinations", destinations}, {"receivers", std::move(receivers)}});
}

std::string queues_status(const Delivery& delivery, Time now) {
  json pipeline = json::array();
  json destinations = json::array();
  json dropped = json::array();
  const std::vector<QueueStatus> queues = delivery.queues();
  for (const Signal signal : kAllSignals) {
    const SignalLedgers::Snapshot accounts = delivery.accounts(signal);
    if (accounts.pipeline.received == 0 && accounts.destinations.empty()) continue;
    pipeline.push_back({{"signal", to_text(signal)},
                        {"received", accounts.pipeline.received},
                        {"dropped", accounts.pipeline.dropped_in_all()},
                        {"held", accounts.pipeline.held}});
    add_dropped(signal, "", accounts.pipeline, dropped);
    for (const auto& [name, account] : accounts.destinations) {
      destinations.push_back(destination_json(signal, name, account, queues, now));
      add_dropped(signal, name, account, dropped);
    }
  }
  return text_of(
      {{"pipeline", std::move(pipeline)}, {"destinations", std::move(destinations)}, {"dropped", std::move(dropped)}});
}

}  // namespace telegen::app
