// Drives the exporters from the command line, for the Python tests beside it.
//   export_probe encode --seed N --count N --pb FILE --json FILE       random spans in both encodings
//   export_probe send   --endpoint E [options]                         delivers canned spans, prints each outcome
//   export_probe loop   --endpoint E [options] --stop-after-ms N       the whole pipeline, prints its accounting
// Options: --protocol grpc|http --compression gzip|zstd|none --count N --times N --timeout-ms N --header K=V
//          --tls --ca F --cert F --key F --insecure --own (the endpoint is the signal's own)
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
#include "delivery/delivery.h"
#include "export/otlp/json.h"
#include "export/otlp/traces.h"
#include "export/transport/transport.h"

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

// A plan with one destination, as the wiring makes it from the configuration.
Result<TransportConfig> config_of(const Options& options) {
  OtlpWireSettings settings;
  settings.protocol = options.get("--protocol", "grpc");
  settings.timeout = std::chrono::milliseconds(options.number("--timeout-ms", 5000));
  settings.headers = options.headers;
  settings.proxy = options.get("--proxy", "environment");
  settings.tls = {options.has("--tls"), options.get("--ca"), options.get("--cert"), options.get("--key"),
                  options.has("--insecure")};
  auto tls = load_tls_material(settings.tls, "otlp.tls", read_tls_file);
  if (!tls) return std::unexpected(tls.error());
  return transport_config(settings, "otlp", options.get("--endpoint"), options.has("--own"), *std::move(tls), "0.0.1");
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

json in_words(const SendOutcome& outcome, std::size_t items) {
  json line = {{"exported", 0}, {"rejected", 0}, {"refused", 0}, {"complaint", ""}, {"retry", false}};
  if (const auto* partial = std::get_if<Partial>(&outcome)) {
    line["rejected"] = partial->rejected;
    line["exported"] = items - partial->rejected;
    line["complaint"] = partial->message;
  } else if (const auto* permanent = std::get_if<Permanent>(&outcome)) {
    line["refused"] = items;
    line["complaint"] = permanent->reason;
  } else if (const auto* retry = std::get_if<Retry>(&outcome)) {
    line["retry"] = true;
    line["reason"] = retry->reason;
    line["may_have_arrived"] = retry->may_have_arrived;
    line["was_slow"] = retry->was_slow;
    if (retry->after) line["after_ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(*retry->after).count();
  } else {
    line["exported"] = items;
  }
  return line;
}

int refuse(const Error& error) {
  std::cout << json{{"error", error.message}} << std::endl;
  return 2;
}

int send(const Options& options) {
  auto config = config_of(options);
  if (!config) return refuse(config.error());
  auto transport = make_transport(*std::move(config));
  if (!transport) return refuse(transport.error());
  const auto spans = canned(options.number("--count", 3));
  Compressor compressor(*parse_compression(options.get("--compression", "gzip")));
  for (std::uint64_t i = options.number("--times", 1); i > 0; --i) {
    Payload payload{.signal = Signal::kTraces, .compression = compressor.kind(), .bytes = std::string(kFramePrefix, 0)};
    if (!compressor.append(otlp::encode_traces(spans, {"telegen", "0.0.1"}), payload.bytes)) return 1;
    std::cout << in_words((*transport)->send(payload, {unix_now(), std::chrono::hours(1), {}}), spans.size())
              << std::endl;
    if (i > 1) std::this_thread::sleep_for(std::chrono::milliseconds(options.number("--pause-ms", 0)));
  }
  return 0;
}

int loop(const Options& options) {
  auto config = config_of(options);
  if (!config) return refuse(config.error());
  MetricRegistry metrics;
  OwnMemory memory;
  DeliveryPlan plan{.queues = {}, .backoff = {.initial = std::chrono::milliseconds(50)}, .destinations = {}};
  plan.destinations.push_back({.name = "otlp", .text = "", .signals = {Signal::kTraces}, .endpoints = {[&config] {
                                                                                           return make_transport(
                                                                                               *config);
                                                                                         }}});
  auto delivery =
      Delivery::start(std::move(plan), {memory, metrics, monotonic_now, unix_now, [] { return 1ULL << 63; }});
  if (!delivery) return refuse(delivery.error());
  const auto spans = canned(options.number("--count", 1000));
  (*delivery)->pipeline(Signal::kTraces).receive(spans.size());
  for (std::span<const Span> rest = spans; !rest.empty();
       rest = rest.subspan(std::min<std::size_t>(100, rest.size()))) {
    const auto some = rest.first(std::min<std::size_t>(100, rest.size()));
    (*delivery)->accept(Signal::kTraces, otlp::encode_traces(some, {"telegen", "0.0.1"}),
                        static_cast<std::uint32_t>(some.size()), monotonic_now());
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(options.number("--stop-after-ms", 500)));
  const std::string complaint = (*delivery)->senders().front().complaint;
  const Time begin = monotonic_now();
  (*delivery)->stop(begin + std::chrono::milliseconds(options.number("--shutdown-ms", 2000)));
  const Accounting a = (*delivery)->accounts(Signal::kTraces).destinations.front().account;
  std::cout << json{{"received", a.received},
                    {"exported", a.exported},
                    {"held", a.held},
                    {"shutdown", a.dropped_by(DropCause::kShutdown)},
                    {"refused", a.dropped_by(DropCause::kRefused)},
                    {"balanced", a.balanced()},
                    {"complaint", complaint},
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
