// The sections `otlp`, `output` and `backoff` of the configuration. Only keys that act are declared.
// Each describe() visits the keys inside its section; the aggregate in control names the section itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/settings.h"

namespace telegen {

struct TlsSettings {
  bool enabled = false;  // for endpoints without a scheme; https:// implies it
  std::string ca_file;   // empty: the system's authorities
  std::string cert_file;
  std::string key_file;
  bool insecure_skip_verify = false;
};

// What every signal has.
struct OtlpSignalSettings {
  bool enabled = true;
  std::string endpoint;  // empty: otlp.endpoint; over HTTP it is used as it is, no path appended
  std::int64_t batch_size = 1000;
};

struct OtlpTracesSettings : OtlpSignalSettings {
  Duration batch_timeout = std::chrono::seconds(1);
  std::string sampler = "parentbased_always_on";
  double sampler_arg = 1.0;
};

struct OtlpMetricsSettings : OtlpSignalSettings {
  Duration interval = std::chrono::seconds(15);
  std::string temporality = "cumulative";  // cumulative | delta
  std::string histogram = "explicit";      // explicit | exponential
};

struct OtlpLogsSettings : OtlpSignalSettings {
  Duration batch_timeout = std::chrono::seconds(1);
};

// How one receiver is spoken to.
struct OtlpWireSettings {
  std::string endpoint;               // empty: no OTLP
  std::vector<std::string> failover;  // taken in order while those before cannot be reached
  std::string protocol = "grpc";      // grpc | http
  std::string compression = "gzip";   // gzip | zstd | none
  Duration timeout = std::chrono::seconds(10);
  std::int64_t concurrency = 1;       // requests under way
  std::string proxy = "environment";  // environment | none | URL
  std::map<std::string, std::string> headers;
  TlsSettings tls;
};

// One more receiver, which gets a copy.
struct OtlpDestinationSettings : OtlpWireSettings {
  std::string name;
  std::vector<std::string> signals = {"traces", "metrics", "logs"};
};

struct OtlpSettings : OtlpWireSettings {
  ByteSize max_request_size{4ULL << 20};
  OtlpTracesSettings traces;
  OtlpMetricsSettings metrics;
  OtlpLogsSettings logs;
  std::vector<OtlpDestinationSettings> destinations;
  OtlpSettings() { traces.batch_size = 512; }
};

struct FileOutputSettings {
  std::string path;  // empty: off
  ByteSize max_size{100ULL << 20};
  std::int64_t max_files = 3;  // the current one included
};

struct OutputSettings {
  std::string console = "auto";  // auto: where no endpoint is set and standard output is a terminal
  FileOutputSettings file;
};

struct BackoffSettings {
  Duration initial = std::chrono::milliseconds(500);
  Duration max = std::chrono::seconds(30);
  double multiplier = 2.0;
  double jitter = 0.2;
};

void describe(SettingsVisitor& visitor, TlsSettings& settings);
void describe(SettingsVisitor& visitor, OtlpTracesSettings& settings);
void describe(SettingsVisitor& visitor, OtlpMetricsSettings& settings);
void describe(SettingsVisitor& visitor, OtlpLogsSettings& settings);
void describe(SettingsVisitor& visitor, OtlpDestinationSettings& settings);
void describe(SettingsVisitor& visitor, OtlpSettings& settings);
void describe(SettingsVisitor& visitor, FileOutputSettings& settings);
void describe(SettingsVisitor& visitor, OutputSettings& settings);
void describe(SettingsVisitor& visitor, BackoffSettings& settings);

}  // namespace telegen
