// Drives the exporters from the command line, for the Python tests beside it.
//   export_probe encode --seed N --count N --pb FILE --json FILE       random spans in both encodings
//   export_probe send   --endpoint E [options]                         delivers canned spans, prints each outcome
//   export_probe loop   --endpoint E [options] --stop-after-ms N       the whole pipeline, prints its accounting
// Options: --protocol grpc|http --compression gzip|zstd|none --count N --times N --timeout-ms N --header K=V
//          --tls --ca F --cert F --key F --insecure --own (the endpoint is the signal's own) --max-bytes N
//          --pause-ms N (between the times)
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "../../unit/export/sample_spans.h"
#include "base/log.h"
#include "export/otlp/json.h"
#include "export/otlp_exporter.h"
#include "pipeline/export_loop.h"

namespace telegen {
namespace {

using nlohmann::json;

struct Options {
  std::map<std::string, std::string> values;
  std::map<std::string, std::string> headers;
  std::string get(const std::string& key, const std::string& fallback = {}) const {
    const auto it = values.find(key);
    return it == values.end() ? fallback : it->second;
  }
  std::uint64_t number(const std::string& key, std::uint64_t fallback) const {
    return std::strtoull(get(key, std::to_string(fallback)).c_str(), nullptr, 10);
  }
  bool has(const std::string& key) const { return values.contains(key); }
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 2; i < argc; ++i) {
    const std::string key = argv[i];
    if (key == "--tls" || key == "--insecure" || key == "--own") {
      options.values[key] = "1";
    } else if (i + 1 < argc) {
      const std::string value = argv[++i];
      const std::size_t equals = value.find('=');
      if (key == "--header") options.headers[value.substr(0, equals)] = value.substr(equals + 1);
      options.values[key] = value;
    }
  }
  return options;
}

int encode(const Options& options) {
  const auto spans = testing::random_spans(options.number("--seed", 1), options.number("--count", 100));
  const otlp::Scope scope{"telegen", "0.0.1"};
  std::ofstream(options.get("--pb"), std::ios::binary) << otlp::encode_traces(spans, scope);
  std::ofstream(options.get("--json"), std::ios::binary) << otlp::encode_traces_json(spans, scope);
  return 0;
}

Result<std::unique_ptr<SpanExporter>> make_exporter(const Options& options) {
  OtlpSettings settings;
  (options.has("--own") ? settings.traces.endpoint : settings.endpoint) = options.get("--endpoint");
  settings.protocol = options.get("--protocol", "grpc");
  settings.compression = options.get("--compression", "gzip");
  settings.timeout = std::chrono::milliseconds(options.number("--timeout-ms", 5000));
  settings.headers = options.headers;
  settings.tls = {options.has("--tls"), options.get("--ca"), options.get("--cert"), options.get("--key"),
                  options.has("--insecure")};
  auto tls = load_tls_material(settings.tls);
  if (!tls) return std::unexpected(tls.error());
  auto config = traces_transport_config(settings, *std::move(tls), "0.0.1");
  if (!config) return std::unexpected(config.error());
  auto transport = make_transport(*std::move(config));
  if (!transport) return std::unexpected(transport.error());
  return make_otlp_exporter(*std::move(transport), {"telegen", "0.0.1"},
                            options.number("--max-bytes", otlp::kMaxRequestBytes));
}

std::vector<Span> canned(std::size_t count) {
  const ResourcePtr resource = testing::checkout_resource();
  std::vector<Span> spans;
  for (std::size_t i = 0; i < count; ++i) {
    spans.push_back(testing::http_span(static_cast<std::uint8_t>(i), resource));
    spans.back().start.ns = 1 + i;
  }
  return spans;
}

int send(const Options& options) {
  auto exporter = make_exporter(options);
  if (!exporter) {
    std::cout << json{{"error", exporter.error().message}} << std::endl;
    return 2;
  }
  const auto spans = canned(options.number("--count", 3));
  for (std::uint64_t i = options.number("--times", 1); i > 0; --i) {
    const Delivery d = (*exporter)->deliver(spans, {unix_now(), std::chrono::hours(1), {}});
    json line = {{"settled", d.settled},        {"exported", d.exported},   {"rejected", d.rejected},
                 {"refused", d.refused},        {"oversized", d.oversized}, {"complaint", d.complaint},
                 {"retry", d.retry.has_value()}};
    if (d.retry) line["reason"] = d.retry->reason;
    if (d.retry && d.retry->after) {
      line["after_ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(*d.retry->after).count();
    }
    std::cout << line << std::endl;
    if (i > 1) std::this_thread::sleep_for(std::chrono::milliseconds(options.number("--pause-ms", 0)));
  }
  return 0;
}

int loop(const Options& options) {
  auto exporter = make_exporter(options);
  if (!exporter) return 2;
  MetricRegistry metrics;
  SpanQueue queue({}, metrics);
  RecentSpans recent;
  Outputs outputs;
  outputs.otlp = *std::move(exporter);
  ExportLoopSettings settings;
  settings.batch_size = 100;
  settings.batch_timeout = std::chrono::milliseconds(50);
  settings.shutdown_timeout = std::chrono::milliseconds(options.number("--shutdown-ms", 2000));
  settings.backoff.initial = std::chrono::milliseconds(50);
  Random random(1);
  ExportLoop exporting(settings, queue, recent, std::move(outputs),
                       {metrics, {}, monotonic_now, unix_now, [&random] { return random.next(); }});
  queue.push(canned(options.number("--count", 1000)), monotonic_now());
  std::this_thread::sleep_for(std::chrono::milliseconds(options.number("--stop-after-ms", 500)));
  const Time begin = monotonic_now();
  exporting.stop();
  const Accounting a = queue.accounting();
  std::cout << json{{"received", a.received},
                    {"exported", a.exported},
                    {"held", a.held},
                    {"shutdown", a.dropped_by(DropCause::kShutdown)},
                    {"refused", a.dropped_by(DropCause::kRefused)},
                    {"balanced", a.balanced()},
                    {"complaint", exporting.status().complaint},
                    {"stop_ms", (monotonic_now() - begin).count() / 1'000'000}}
            << std::endl;
  return 0;
}

int run(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  const Options options = parse(argc, argv);
  if (command == "encode") return encode(options);
  configure_logging(LogLevel::kWarn, "text", "export_probe");
  const auto curl = CurlRuntime::start();
  if (!curl) return 1;
  if (command == "send") return send(options);
  if (command == "loop") return loop(options);
  std::cerr << "usage: export_probe encode|send|loop …\n";
  return 2;
}

}  // namespace
}  // namespace telegen

int main(int argc, char** argv) { return telegen::run(argc, argv); }
