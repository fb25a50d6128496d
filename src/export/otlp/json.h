// Spans, metrics and log records as OTLP/JSON (OTLP specification, "JSON Protobuf Encoding"): ids in lower-case hex,
// enums as numbers, 64-bit integers as strings, the doubles that JSON lacks as "NaN", "Infinity", "-Infinity". Pure;
// any thread.
#pragma once

#include <span>
#include <string>

#include "export/otlp/otlp.h"
#include "model/log_record.h"
#include "model/metric.h"
#include "model/span.h"

namespace telegen::otlp {

// Each is one Export…ServiceRequest without a line break, grouped as the protobuf encoder of its signal groups.
std::string encode_traces_json(std::span<const Span> spans, const Scope& scope);
std::string encode_metrics_json(std::span<const Metric> metrics, const Scope& scope);
std::string encode_logs_json(std::span<const LogRecord> records, const Scope& scope);

}  // namespace telegen::otlp
