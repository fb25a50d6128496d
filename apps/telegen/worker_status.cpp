#include "worker_status.h"

#include <nlohmann/json.hpp>

namespace telegen::app {
namespace {

using nlohmann::json;

// Texts may quote what a server answered: any bytes.
std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

json account_json(const Accounting& account) {
  json dropped = json::object();
  for (std::size_t i = 0; i < kDropCauses; ++i) dropped[to_text(static_cast<DropCause>(i))] = account.dropped[i];
  return {{"received", account.received},
          {"recovered", account.recovered},
          {"exported", account.exported},
          {"dropped", std::move(dropped)},
          {"held", account.held}};
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
  json all = json::object();
  for (const Signal signal : kAllSignals) {
    const SignalLedgers::Snapshot accounts = delivery.accounts(signal);
    if (accounts.pipeline.received == 0 && accounts.destinations.empty()) continue;
    json one = account_json(accounts.pipeline);
    one.erase("exported");  // of the pipeline that means: went on to the destinations
    one.erase("recovered");
    for (const auto& [name, account] : accounts.destinations) one["destinations"][name] = account_json(account);
    all[to_text(signal)] = std::move(one);
  }
  for (const QueueStatus& queue : delivery.queues()) {
    json figures{{"requests", queue.figures.requests},
                 {"bytes", queue.figures.bytes},
                 {"limit_bytes", queue.figures.limit},
                 {"oldest_seconds", queue.figures.oldest ? seconds(now - *queue.figures.oldest) : 0.0}};
    all[to_text(queue.signal)]["queues"][queue.destination] = std::move(figures);
  }
  return text_of(all);
}

}  // namespace telegen::app
