// Spans to the bytes of an opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest. Pure; any thread.
// Format: opentelemetry-proto 1.x, collector/trace/v1/trace_service.proto, trace/v1/trace.proto,
// common/v1/common.proto.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "export/otlp/otlp.h"
#include "model/span.h"

namespace telegen::otlp {

// Span.flags beyond the W3C byte (trace.proto, SpanFlags).
constexpr std::uint32_t kFlagHasIsRemote = 0x100;
constexpr std::uint32_t kFlagIsRemote = 0x200;
std::uint32_t span_flags(const Span& span);

// One request with all spans, however large; otherwise as Prefix says.
std::string encode_traces(std::span<const Span> spans, const Scope& scope);

Prefix encode_traces_prefix(std::span<const Span> spans, const Scope& scope, std::size_t max_bytes);

// All spans in as many requests as needed, each with its number of spans. Returns how many were too large for any.
using TraceSink = std::function<void(std::string body, std::size_t spans)>;
std::size_t encode_traces_split(std::span<const Span> spans, const Scope& scope, std::size_t max_bytes,
                                const TraceSink& sink);

}  // namespace telegen::otlp
