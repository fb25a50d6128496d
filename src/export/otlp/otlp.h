// What the encoders of all signals have in common. Format: opentelemetry-proto 1.x,
// https://github.com/open-telemetry/opentelemetry-proto.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace telegen::otlp {

// The names that attributes follow; sent with every resource and scope.
constexpr std::string_view kSchemaUrl = "https://opentelemetry.io/schemas/1.44.0";

// Servers commonly refuse more (gRPC's default).
constexpr std::size_t kMaxRequestBytes = 4U << 20;

// The instrumentation scope of everything that this agent makes.
struct Scope {
  std::string name = "telegen";
  std::string version;
};

// One request with the longest run of leading items (spans, metrics, log records, profiles) that fits. Items are
// grouped by resource (by its address; groups in the order of their first item, items in the order given); one without
// a resource is sent with an empty one. Invalid UTF-8 becomes U+FFFD.
struct Prefix {
  std::string body;           // empty if `encoded` is 0
  std::size_t taken = 0;      // leading items dealt with; 0 only if none were given
  std::size_t encoded = 0;    // of those, how many are in `body`
  std::size_t oversized = 0;  // of those, how many do not fit into a request of their own; encoded + oversized == taken
};

}  // namespace telegen::otlp
