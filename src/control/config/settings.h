// The whole configuration: one member a room. A room brings a struct and describe(SettingsVisitor&, Struct&), which
// names every key once; this aggregate says where in the file it stands. Adding a room is one member and one line in
// settings.cpp.
#pragma once

#include <string>

#include "analytics/settings.h"
#include "base/settings.h"
#include "delivery/settings.h"
#include "discovery/settings.h"
#include "export/settings.h"
#include "governor/settings.h"
#include "loader/settings.h"
#include "processing/settings.h"
#include "protocols/core/settings.h"
#include "tracing/settings.h"

namespace telegen {

struct AgentSettings {  // telegen:
  std::string mode = "agent";
  std::string service_name = "telegen";
  std::string instance_id;  // empty in the file; the host's name once loaded
  std::string log_level = "info";
  std::string log_format = "text";
  Duration shutdown_timeout = std::chrono::seconds(10);
};
void describe(SettingsVisitor& visitor, AgentSettings& settings);

struct SelfTelemetrySettings {             // self_telemetry:
  std::string listen = "127.0.0.1:19090";  // as parse_listen takes it; empty: no API
  std::string bearer_token;
  bool export_own = true;  // metrics and log lines; key: export
};
void describe(SettingsVisitor& visitor, SelfTelemetrySettings& settings);

struct SourceSettings {  // agent:
  ResourceSettings resources;
  EbpfSettings ebpf;
  TracingSettings tracing;     // agent.tracing is two rooms' section:
  ProtocolSettings protocols;  // how requests are linked, and which protocols are decoded
};
void describe(SettingsVisitor& visitor, SourceSettings& settings);

struct Settings {
  AgentSettings telegen;
  OtlpSettings otlp;
  OutputSettings output;
  QueuesSettings queues;
  BackoffSettings backoff;
  DiscoverySettings discovery;
  SourceSettings agent;
  ProcessingSettings pipeline;       // pipeline is two rooms' section:
  SpanMetricsSettings span_metrics;  // pipeline.metrics
  SelfTelemetrySettings self_telemetry;
};
void describe(SettingsVisitor& visitor, Settings& settings);

}  // namespace telegen
