// Log records to the bytes of an opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest. Pure; any thread.
// Format: opentelemetry-proto 1.x, logs/v1/logs.proto.
#pragma once

#include <cstddef>
#include <span>

#include "export/otlp/otlp.h"
#include "model/log_record.h"

namespace telegen::otlp {

Prefix encode_logs_prefix(std::span<const LogRecord> records, const Scope& scope, std::size_t max_bytes);

}  // namespace telegen::otlp
