#include "export/settings.h"

namespace telegen {

void describe(SettingsVisitor& visitor, TlsSettings& s) {
  visitor.field("enabled", s.enabled, "Encrypt towards an endpoint that is written without a scheme.");
  visitor.field("ca_file", s.ca_file, "PEM file of the authorities that may sign the server; empty: the system's.");
  visitor.field("cert_file", s.cert_file, "PEM file of the client certificate, for mutual TLS.");
  visitor.field("key_file", s.key_file, "PEM file of the client certificate's key.");
  visitor.field("insecure_skip_verify", s.insecure_skip_verify, "Accept any server certificate (for tests only).");
}

namespace {

void describe_signal(SettingsVisitor& visitor, OtlpSignalSettings& s, const std::string& items) {
  visitor.field("enabled", s.enabled, "Send " + items + " over OTLP.");
  visitor.field("endpoint", s.endpoint,
                "Where they go; empty: otlp.endpoint. Over HTTP it is the whole URL, to which nothing is added.");
  visitor.field("batch_size", s.batch_size, "The most " + items + " that one request carries.",
                {.min = 1, .max = 100'000});
}

void describe_batch_timeout(SettingsVisitor& visitor, Duration& timeout, const std::string& item) {
  visitor.field("batch_timeout", timeout, "The longest that a " + item + " waits for its batch to fill.",
                {.min = 0.001, .max = 3600});
}

void describe_wire(SettingsVisitor& visitor, OtlpWireSettings& s) {
  visitor.field("endpoint", s.endpoint,
                "The OTLP receiver: host:port, http://… or https://…; empty: none. Over HTTP, /v1/traces is added.");
  visitor.field("failover", s.failover,
                "Receivers that are used, in this order, while those before them cannot be reached.");
  visitor.field("protocol", s.protocol, "The OTLP transport.", {.choices = {"grpc", "http"}});
  visitor.field("compression", s.compression, "How requests are compressed.", {.choices = {"gzip", "zstd", "none"}});
  visitor.field("timeout", s.timeout, "The longest that one request may take.", {.min = 0.001, .max = 3600});
  visitor.field("concurrency", s.concurrency,
                "Requests under way at once. With more than one, requests may arrive in another order.",
                {.min = 1, .max = 64});
  visitor.field("proxy", s.proxy,
                "environment: as HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say; none; or the proxy's URL.");
  visitor.field("headers", s.headers, "Headers (gRPC: metadata) sent with every request.", {.secret = true});
  visitor.section("tls", "Encryption and identity.", [&s](SettingsVisitor& v) { describe(v, s.tls); });
}

}  // namespace

void describe(SettingsVisitor& visitor, OtlpTracesSettings& s) {
  describe_signal(visitor, s, "spans");
  describe_batch_timeout(visitor, s.batch_timeout, "span");
  visitor.field(
      "sampler", s.sampler,
      "Which traces are kept. parentbased_…: as the caller decided, where there is one; else as what follows.",
      {.choices = {"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
                   "parentbased_traceidratio"}});
  visitor.field("sampler_arg", s.sampler_arg, "The share of traces that a ratio sampler keeps.", {.min = 0, .max = 1});
}

void describe(SettingsVisitor& visitor, OtlpMetricsSettings& s) {
  describe_signal(visitor, s, "metrics");
  visitor.field("interval", s.interval, "How often metrics are read and sent.", {.min = 0.1, .max = 3600});
  visitor.field(
      "temporality", s.temporality,
      "Of the metrics of what is watched: cumulative counts since a series began, delta since its last point. The "
      "agent's own are always cumulative.",
      {.choices = {"cumulative", "delta"}});
  visitor.field(
      "histogram", s.histogram,
      "Their histograms: explicit has the buckets that the semantic conventions advise, exponential finer ones "
      "that adapt to the values.",
      {.choices = {"explicit", "exponential"}});
}

void describe(SettingsVisitor& visitor, OtlpLogsSettings& s) {
  describe_signal(visitor, s, "log records");
  describe_batch_timeout(visitor, s.batch_timeout, "log record");
}

void describe(SettingsVisitor& visitor, OtlpDestinationSettings& s) {
  visitor.field("name", s.name, "What it is called in metrics and messages.");
  visitor.field("signals", s.signals, "What it gets.", {.choices = {"traces", "metrics", "logs"}});
  describe_wire(visitor, s);
}

void describe(SettingsVisitor& visitor, OtlpSettings& s) {
  describe_wire(visitor, s);
  visitor.field("max_request_size", s.max_request_size,
                "The most bytes of one request, before compression; servers commonly refuse more than 4 MiB.",
                {.min = 65536, .max = 0x1p28});
  visitor.section("traces", "The trace signal.", [&s](SettingsVisitor& v) { describe(v, s.traces); });
  visitor.section("metrics", "The metric signal.", [&s](SettingsVisitor& v) { describe(v, s.metrics); });
  visitor.section("logs", "The log signal.", [&s](SettingsVisitor& v) { describe(v, s.logs); });
  visitor.list("destinations", "Receivers that get a copy, each with a queue of its own.",
               {[&s] { return s.destinations.size(); }, [&s](std::size_t n) { s.destinations.assign(n, {}); },
                [&s](std::size_t i, SettingsVisitor& v) { describe(v, s.destinations.at(i)); }});
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
