// A span as OpenTelemetry defines it (opentelemetry-proto, trace/v1/trace.proto). A plain value.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/time.h"
#include "model/attribute.h"
#include "model/resource.h"

namespace telegen {

struct TraceId {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const TraceId&) const = default;
  bool valid() const { return *this != TraceId{}; }
};

struct SpanId {
  std::array<std::uint8_t, 8> bytes{};
  bool operator==(const SpanId&) const = default;
  bool valid() const { return *this != SpanId{}; }
};

// W3C Trace Context, level 2, as carried by traceparent and tracestate.
struct TraceContext {
  TraceId trace_id;
  SpanId span_id;          // the sender's span
  std::uint8_t flags = 0;  // bit 0: sampled
  std::string state;       // tracestate, verbatim
  // The trace came with a request, whose sender has decided about it: `flags` says how. Else nobody has yet.
  bool decided = false;
  bool valid() const { return trace_id.valid() && span_id.valid(); }
};

enum class SpanKind : std::uint8_t { kInternal = 1, kServer = 2, kClient = 3, kProducer = 4, kConsumer = 5 };
enum class SpanStatus : std::uint8_t { kUnset = 0, kOk = 1, kError = 2 };

struct SpanEvent {
  UnixTime time;
  std::string name;
  Attributes attributes;
};

struct Span {
  TraceId trace_id;
  SpanId span_id;
  SpanId parent_id;  // invalid: a root
  std::uint8_t trace_flags = 1;
  bool trace_decided = false;     // as TraceContext::decided
  bool parent_is_remote = false;  // in another process
  SpanKind kind = SpanKind::kInternal;
  SpanStatus status = SpanStatus::kUnset;
  UnixTime start;
  UnixTime end;
  std::string name;
  std::string trace_state;
  std::string status_message;
  Attributes attributes;
  std::uint32_t dropped_attributes_count = 0;  // that were more than may be kept
  std::vector<SpanEvent> events;
  std::uint32_t process = 0;  // tgid in the root pid namespace; enrichment finds `resource` by it
  ResourcePtr resource;       // null until the span is enriched
};

}  // namespace telegen
