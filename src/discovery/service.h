// What a process's environment says of its service, and ids made from what names a process.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "discovery/process_info.h"

namespace telegen {

struct OtelEnvironment {
  std::string service_name;         // OTEL_SERVICE_NAME
  StringPairs resource_attributes;  // OTEL_RESOURCE_ATTRIBUTES; a later value of a key wins
  bool agent_loaded = false;        // kOtelAgentMark
  bool traces_off = false;          // OTEL_TRACES_EXPORTER=none or OTEL_SDK_DISABLED=true
  bool attributes_malformed = false;
};
// `environ`: what filter_environ leaves.
OtelEnvironment parse_otel_environment(std::string_view environ);

// "key=value,key=value", percent-encoded (OpenTelemetry specification, Resource SDK: one error discards the whole).
Result<StringPairs> parse_resource_attributes(std::string_view text);

// UUID version 5 (RFC 9562, section 5.5) in the namespace that the semantic conventions give for service.instance.id.
std::string make_instance_id(std::string_view host_id, std::uint32_t pid, std::uint64_t start_ticks);
std::string uuid_v5(const std::uint8_t (&name_space)[16], std::string_view name);

}  // namespace telegen
