// Spans as OTLP/JSON (OTLP specification, "JSON Protobuf Encoding"): ids in lower-case hex, enums as numbers, 64-bit
// integers as strings, the doubles that JSON lacks as "NaN", "Infinity", "-Infinity". Pure; any thread.
#pragma once

#include <span>
#include <string>

#include "export/otlp/traces.h"

namespace telegen::otlp {

// One ExportTraceServiceRequest without a line break, grouped as encode_traces() groups.
std::string encode_traces_json(std::span<const Span> spans, const Scope& scope);

}  // namespace telegen::otlp
