#include "export/settings.h"

namespace telegen {

void describe(SettingsVisitor& visitor, TlsSettings& s) {
  visitor.field("enabled", s.enabled, "Encrypt towards an endpoint that is written without a scheme.");
  visitor.field("ca_file", s.ca_file, "PEM file of the authorities that may sign the server; empty: the system's.");
  visitor.field("cert_file", s.cert_file, "PEM file of the client certificate, for mutual TLS.");
  visitor.field("key_file", s.key_file, "PEM file of the client certificate's key.");
  visitor.field("insecure_skip_verify", s.insecure_skip_verify, "Accept any server certificate (for tests only).");
}

void describe(SettingsVisitor& visitor, OtlpTracesSettings& s) {
  visitor.field("enabled", s.enabled, "Send traces over OTLP.");
  visitor.field("endpoint", s.endpoint,
                "Where traces go; empty: otlp.endpoint. Over HTTP it is the whole URL, to which nothing is added.");
  visitor.field("batch_size", s.batch_size, "The most spans that one request carries.", {.min = 1, .max = 100'000});
  visitor.field("batch_timeout", s.batch_timeout, "The longest that a span waits for its batch to fill.",
                {.min = 0.001, .max = 3600});
  visitor.field(
      "sampler", s.sampler,
      "Which traces are kept. parentbased_…: as the caller decided, where there is one; else as what follows.",
      {.choices = {"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
                   "parentbased_traceidratio"}});
  visitor.field("sampler_arg", s.sampler_arg, "The share of traces that a ratio sampler keeps.", {.min = 0, .max = 1});
}

void describe(SettingsVisitor& visitor, OtlpSettings& s) {
  visitor.field("endpoint", s.endpoint,
                "The OTLP receiver: host:port, http://… or https://…; empty: none. Over HTTP, /v1/traces is added.");
  visitor.field("protocol", s.protocol, "The OTLP transport.", {.choices = {"grpc", "http"}});
  visitor.field("compression", s.compression, "How requests are compressed.", {.choices = {"gzip", "zstd", "none"}});
  visitor.field("timeout", s.timeout, "The longest that one request may take.", {.min = 0.001, .max = 3600});
  visitor.field("headers", s.headers, "Headers (gRPC: metadata) sent with every request.", {.secret = true});
  visitor.section("tls", "Encryption and identity.", [&s](SettingsVisitor& v) { describe(v, s.tls); });
  visitor.section("traces", "The trace signal.", [&s](SettingsVisitor& v) { describe(v, s.traces); });
}

void describe(SettingsVisitor& visitor, FileOutputSettings& s) {
  visitor.field("path", s.path, "Also write spans to this file as OTLP/JSON lines; empty: no file.");
  visitor.field("max_size", s.max_size, "The size at which the file is rotated.", {.min = 4096, .max = 0x1p40});
  visitor.field("max_files", s.max_files, "Files kept, the current one included.", {.min = 1, .max = 1000});
}

void describe(SettingsVisitor& visitor, OutputSettings& s) {
  visitor.field("console", s.console, "Print spans: auto does where no endpoint is set and output is a terminal.",
                {.choices = {"auto", "always", "never"}});
  visitor.section("file", "Spans as a file.", [&s](SettingsVisitor& v) { describe(v, s.file); });
}

void describe(SettingsVisitor& visitor, BackoffSettings& s) {
  visitor.field("initial", s.initial, "The wait before the first retry.", {.min = 0.001, .max = 3600});
  visitor.field("max", s.max, "The longest wait between two retries.", {.min = 0.001, .max = 86400});
  visitor.field("multiplier", s.multiplier, "How much longer each wait is than the one before.",
                {.min = 1, .max = 100});
  visitor.field("jitter", s.jitter, "The share by which a wait is varied at random.", {.min = 0, .max = 1});
}

}  // namespace telegen
