// The section `pipeline` of the configuration: what becomes of spans between their making and their export. The structs
// are as written; SpanProcessor::make compiles them. Each describe() visits the keys inside its section.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/settings.h"

namespace telegen {

// Conditions, ANDed; an empty one is not asked for. Patterns as TextPattern takes them.
struct RuleSettings {
  std::string name;
  std::string service;                            // service.name
  std::string path;                               // url.path, or the path of url.full
  std::string route;                              // http.route
  std::string status;                             // "error", "404", "500-599", "unset,404"
  std::string kind;                               // internal, server, client, producer, consumer
  std::map<std::string, std::string> attributes;  // of the span, else of its resource
  bool operator==(const RuleSettings&) const = default;
};

struct FilterSettings {
  bool health_checks = true;  // left out
  std::vector<std::string> health_check_paths = {
      "/health", "/health/live", "/health/ready", "/healthz", "/healthz/*", "/livez",           "/livez/*",
      "/readyz", "/readyz/*",    "/live",         "/ready",   "/ping",      "/actuator/health", "/actuator/health/*"};
  std::vector<std::string> health_check_user_agents = {"kube-probe/*", "ELB-HealthChecker/*", "GoogleHC/*",
                                                       "Consul Health Check", "Amazon-Route53-Health-Check-Service*"};
  std::vector<RuleSettings> include;  // empty: every span
  std::vector<RuleSettings> exclude;
};

struct TransformSettings {
  std::string action;  // add, rename, delete, hash
  std::string key;     // delete and hash: a pattern
  std::string value;   // add: literal text
  std::string from;    // add: the attribute whose value is copied
  std::string to;      // rename
  RuleSettings when;
};

struct RedactionSettings {
  bool credit_cards = true;
  bool tokens = true;
  bool emails = false;
  std::vector<std::string> patterns;  // RE2
  std::string replacement = "[redacted]";
  bool operator==(const RedactionSettings&) const = default;
};

struct LimitSettings {
  std::int64_t attributes_per_span = 128;
  std::int64_t value_length = 4096;  // bytes
  std::int64_t events_per_span = 128;
  std::int64_t name_length = 512;     // bytes; names of events too
  std::int64_t spans_per_second = 0;  // 0: no limit
  std::int64_t spans_per_second_per_service = 0;
};

struct ServiceSamplerSettings {
  std::string service;  // pattern for service.name
  std::string sampler = "parentbased_traceidratio";
  double sampler_arg = 1.0;
};

struct SamplingSettings {
  std::vector<ServiceSamplerSettings> services;  // the first that matches; none: otlp.traces.sampler
};

struct TailSamplingSettings {
  bool enabled = false;
  Duration wait = std::chrono::seconds(5);
  ByteSize buffer{64ULL << 20};
  std::int64_t max_traces = 50'000;  // held, and as many more whose decision is remembered
  bool errors = true;
  Duration latency = std::chrono::seconds(1);  // 0: off
  bool slower_than_route_p99 = true;
  std::int64_t rare_routes = 5;                    // 0: off
  std::int64_t traces_per_second_per_service = 0;  // 0: off
  double baseline = 0.05;
};

struct ProcessingSettings {
  FilterSettings filter;
  std::vector<TransformSettings> transform;
  RedactionSettings redaction;
  LimitSettings limits;
  SamplingSettings sampling;
  TailSamplingSettings tail_sampling;
};

void describe(SettingsVisitor& visitor, RuleSettings& settings);
void describe(SettingsVisitor& visitor, FilterSettings& settings);
void describe(SettingsVisitor& visitor, TransformSettings& settings);
void describe(SettingsVisitor& visitor, RedactionSettings& settings);
void describe(SettingsVisitor& visitor, LimitSettings& settings);
void describe(SettingsVisitor& visitor, ServiceSamplerSettings& settings);
void describe(SettingsVisitor& visitor, SamplingSettings& settings);
void describe(SettingsVisitor& visitor, TailSamplingSettings& settings);
void describe(SettingsVisitor& visitor, ProcessingSettings& settings);

}  // namespace telegen
