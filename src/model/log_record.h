// A log record as OpenTelemetry defines it (opentelemetry-proto, logs/v1/logs.proto). A plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "model/attribute.h"
#include "model/resource.h"
#include "model/span.h"

namespace telegen {

// SeverityNumber: each range has four grades, of which these are the lowest.
enum class Severity : std::uint8_t {
  kUnspecified = 0,
  kTrace = 1,
  kDebug = 5,
  kInfo = 9,
  kWarn = 13,
  kError = 17,
  kFatal = 21
};

struct LogRecord {
  UnixTime time;           // when it happened, as the source says; 0: not known
  UnixTime observed_time;  // when the agent saw it
  Severity severity = Severity::kUnspecified;
  std::string severity_text;  // as the source spells it
  std::string event_name;     // not empty: an event of this type
  std::optional<Value> body;
  OwnedAttributes attributes;
  std::uint32_t dropped_attributes = 0;
  std::uint8_t trace_flags = 0;
  TraceId trace_id;  // invalid: not known
  SpanId span_id;
  std::uint32_t process = 0;  // tgid in the root pid namespace; enrichment finds `resource` by it
  ResourcePtr resource;       // null until the record is enriched
};

}  // namespace telegen
