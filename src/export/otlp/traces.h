// Spans to the bytes of an opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest. Pure; any thread.
// Format: opentelemetry-proto 1.x, collector/trace/v1/trace_service.proto, trace/v1/trace.proto,
// common/v1/common.proto.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "model/span.h"

namespace telegen::otlp {

// The names that attributes follow; sent with every resource and scope.
constexpr std::string_view kSchemaUrl = "https://opentelemetry.io/schemas/1.44.0";

// Servers commonly refuse more (gRPC's default).
constexpr std::size_t kMaxRequestBytes = 4U << 20;

// Span.flags beyond the W3C byte (trace.proto, SpanFlags).
constexpr std::uint32_t kFlagHasIsRemote = 0x100;
constexpr std::uint32_t kFlagIsRemote = 0x200;
std::uint32_t span_flags(const Span& span);

// The instrumentation scope of everything that this agent makes.
struct Scope {
  std::string name = "telegen";
  std::string version;
};

// One request with all spans, grouped by resource (by its address; groups in the order of their first span, spans in
// the order given). A span without a resource is sent with an empty one. Invalid UTF-8 becomes U+FFFD.
std::string encode_traces(std::span<const Span> spans, const Scope& scope);

// One request with the longest run of leading spans that fits.
struct TracePrefix {
  std::string body;           // empty if `encoded` is 0
  std::size_t taken = 0;      // leading spans dealt with; 0 only if none were given
  std::size_t encoded = 0;    // of those, how many are in `body`
  std::size_t oversized = 0;  // of those, how many do not fit into a request of their own; encoded + oversized == taken
};
TracePrefix encode_traces_prefix(std::span<const Span> spans, const Scope& scope, std::size_t max_bytes);

// All spans in as many requests as needed, each with its number of spans. Returns how many were too large for any.
using TraceSink = std::function<void(std::string body, std::size_t spans)>;
std::size_t encode_traces_split(std::span<const Span> spans, const Scope& scope, std::size_t max_bytes,
                                const TraceSink& sink);

}  // namespace telegen::otlp
