// Items of a signal on their way into requests: what self-telemetry and the metrics of spans have in common.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "control/config/settings.h"
#include "delivery/delivery.h"
#include "export/otlp/otlp.h"
#include "model/log_record.h"
#include "model/metric.h"

namespace telegen::app {

// What is counted in the accounts of a signal: points of metrics, log records.
std::uint64_t items_of(std::span<const Metric> metrics);
inline std::uint64_t items_of(std::span<const LogRecord> records) { return records.size(); }

// Passes items that the pipeline has received on, in requests of at most `batch` of them. `encode` makes a request of
// those that it is given, or of the first of them.
template <class Item, class Encode>
void pass_on(Delivery& delivery, Signal signal, std::span<const Item> items, std::size_t batch, Time now,
             const Encode& encode) {
  std::size_t alone = 0;  // so many of the next ones go one by one
  while (!items.empty()) {
    const otlp::Prefix request = encode(items.first(std::min(alone != 0 ? 1 : batch, items.size())));
    if (request.encoded != 0 && request.oversized != 0) {  // which of them are too large is not said
      alone = request.taken;
      continue;
    }
    const std::uint64_t taken = items_of(items.first(request.taken));
    if (request.encoded != 0) {
      delivery.accept(signal, request.body, static_cast<std::uint32_t>(taken), now);
    } else {
      delivery.pipeline(signal).dropped(DropCause::kOversized, taken);
    }
    items = items.subspan(request.taken);
    alone -= std::min(alone, request.taken);
  }
}

// Receives their points and passes them on, in requests as `otlp` says.
void send_metrics(Delivery& delivery, std::span<const Metric> metrics, const OtlpSettings& otlp, Time now);

}  // namespace telegen::app
