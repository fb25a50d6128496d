// A process and its host as OpenTelemetry resource attributes (semantic conventions 1.44, "Resource").
#pragma once

#include <string_view>

#include "discovery/host.h"
#include "discovery/process_info.h"
#include "model/resource.h"

namespace telegen {

struct ResourceOptions {
  std::string_view agent_version;
  // The command line may carry passwords: only argv[0] (process.command) is sent unless this is set.
  bool command_args = false;
};

// Keys are unique. The process's own OTEL_RESOURCE_ATTRIBUTES win over all that was found out, but service.name, which
// was decided before (see ServiceIdentity). telemetry.sdk.name is "telegen", as "opentelemetry" is reserved for
// OpenTelemetry's own SDKs; telemetry.sdk.language is that of the process, or "cpp", the agent's own, where unknown.
Resource build_resource(const HostInfo& host, const ProcessInfo& process, const ResourceOptions& options);

}  // namespace telegen
