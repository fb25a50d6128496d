// Which metric a span is counted in, and with which of its attributes: OpenTelemetry semantic conventions 1.44,
// https://opentelemetry.io/docs/specs/semconv/ (http/http-metrics, rpc/rpc-metrics, db/database-metrics,
// messaging/messaging-metrics, dns/dns-metrics). Of the attributes that they list, those of low cardinality that they
// require or recommend; what is opt-in is left out. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "model/span.h"

namespace telegen {

// A histogram of durations in seconds.
struct SpanMetricRow {
  std::string_view metric;
  std::string_view description;
  std::uint8_t kinds;                            // of spans: bits, see kind_bit
  std::string_view key;                          // an attribute that such a span has
  std::string_view value;                        // and its text; empty: any
  std::span<const std::string_view> attributes;  // that are copied where the span has them
  std::span<const double> bounds;
};

constexpr std::uint8_t kind_bit(SpanKind kind) { return static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind)); }

// In the order in which they are tried: the first that fits takes the span. So what is spoken over HTTP (a database, an
// RPC system) stands before HTTP. Adding a metric is adding a row.
std::span<const SpanMetricRow> span_metric_rows();

}  // namespace telegen
