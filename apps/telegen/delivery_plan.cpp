#include "delivery_plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "version.h"

namespace telegen::app {
namespace {

constexpr const char* kMainDestination = "otlp";

struct SignalSettings {
  Signal signal;
  const OtlpSignalSettings* settings;
};

std::array<SignalSettings, 3> signals_of(const OtlpSettings& otlp) {
  return {{{Signal::kTraces, &otlp.traces}, {Signal::kMetrics, &otlp.metrics}, {Signal::kLogs, &otlp.logs}}};
}

// One receiver with those that take its place. `as_is`: the endpoint is of one signal.
Result<DestinationPlan> destination(const OtlpWireSettings& wire, const std::string& endpoint, bool as_is,
                                    const std::string& section, const ReadTlsFile& read) {
  const auto compression = parse_compression(wire.compression);
  if (!compression)
    return fail(section + ".compression: '" + wire.compression + "' is unknown", ErrorKind::kConfiguration);
  DestinationPlan plan{.concurrency = static_cast<std::size_t>(wire.concurrency), .compression = *compression};
  const auto tls = load_tls_material(wire.tls, section + ".tls", read);
  if (!tls) return std::unexpected(tls.error());
  const auto add = [&](const std::string& text, bool whole) -> Result<void> {
    auto config = transport_config(wire, section, text, whole, *tls, kVersion);
    if (!config) return std::unexpected(config.error());
    plan.text += (plan.text.empty() ? "otlp " : ", else ") + config->authority;
    plan.endpoints.emplace_back([made = *std::move(config)] { return make_transport(made); });
    return {};
  };
  if (auto added = add(endpoint, as_is); !added) return std::unexpected(added.error());
  for (const std::string& other : as_is ? std::vector<std::string>() : wire.failover) {
    const auto parsed = parse_endpoint(other, wire.protocol == "grpc", wire.tls.enabled, false, Signal::kTraces);
    if (!parsed) return fail(section + ".failover: " + parsed.error().message, ErrorKind::kConfiguration);
    if (auto added = add(other, false); !added) return std::unexpected(added.error());
  }
  plan.text += " (" + wire.protocol + ")";
  return plan;
}

Result<void> add_main(const OtlpSettings& otlp, const ReadTlsFile& read, DeliveryPlan& plan) {
  std::vector<Signal> common;
  for (const auto& [signal, settings] : signals_of(otlp)) {
    if (!settings->enabled) continue;
    if (settings->endpoint.empty()) {
      common.push_back(signal);
      continue;
    }
    auto own = destination(otlp, settings->endpoint, true, "otlp", read);
    if (!own) return std::unexpected(own.error());
    own->name = kMainDestination;
    own->signals = {signal};
    own->text += " for " + std::string(to_text(signal));
    plan.destinations.push_back(*std::move(own));
  }
  if (otlp.endpoint.empty() || common.empty()) return {};
  auto main = destination(otlp, otlp.endpoint, false, "otlp", read);
  if (!main) return std::unexpected(main.error());
  main->name = kMainDestination;
  main->signals = std::move(common);
  plan.destinations.insert(plan.destinations.begin(), *std::move(main));
  return {};
}

Result<void> add_copies(const OtlpSettings& otlp, const ReadTlsFile& read, DeliveryPlan& plan) {
  for (std::size_t i = 0; i < otlp.destinations.size(); ++i) {
    const OtlpDestinationSettings& copy = otlp.destinations[i];
    const std::string section = "otlp.destinations." + std::to_string(i);
    const bool taken =
        std::ranges::any_of(otlp.destinations.begin(), otlp.destinations.begin() + static_cast<std::ptrdiff_t>(i),
                            [&](const auto& other) { return other.name == copy.name; });
    if (copy.name.empty() || copy.name == kMainDestination || copy.name == kLocalDestination || taken) {
      return fail(section + ".name: each needs a name of its own, other than otlp and local",
                  ErrorKind::kConfiguration);
    }
    auto made = destination(copy, copy.endpoint, false, section, read);
    if (!made) return std::unexpected(made.error());
    made->name = copy.name;
    made->text = copy.name + ": " + made->text;
    for (const auto& [signal, settings] : signals_of(otlp)) {
      const bool wanted = std::ranges::find(copy.signals, to_text(signal)) != copy.signals.end();
      if (wanted && settings->enabled) made->signals.push_back(signal);
    }
    if (!made->signals.empty()) plan.destinations.push_back(*std::move(made));
  }
  return {};
}

std::vector<const TlsSettings*> all_tls(const OtlpSettings& otlp) {
  std::vector<const TlsSettings*> all = {&otlp.tls};
  for (const OtlpDestinationSettings& copy : otlp.destinations) all.push_back(&copy.tls);
  return all;
}

}  // namespace

Result<DeliveryPlan> delivery_plan(const Settings& settings, const ReadTlsFile& read) {
  DeliveryPlan plan{.queues = settings.queues, .backoff = settings.backoff, .destinations = {}};
  if (auto added = add_main(settings.otlp, read, plan); !added) return std::unexpected(added.error());
  if (auto added = add_copies(settings.otlp, read, plan); !added) return std::unexpected(added.error());
  return plan;
}

Result<TlsFiles> read_tls_files(const Settings& settings) {
  TlsFiles files;
  for (const TlsSettings* tls : all_tls(settings.otlp)) {
    for (const std::string* path : {&tls->ca_file, &tls->cert_file, &tls->key_file}) {
      if (path->empty() || files.contains(*path)) continue;
      auto content = read_tls_file(*path);
      if (!content) return std::unexpected(content.error());
      files.emplace(*path, *std::move(content));
    }
  }
  return files;
}

std::string packed(const TlsFiles& files) {
  const std::vector<std::uint8_t> bytes = nlohmann::json::to_cbor(nlohmann::json(files));
  return {bytes.begin(), bytes.end()};
}

Result<TlsFiles> unpacked(const std::string& text) {
  const auto json = nlohmann::json::from_cbor(text, true, false);
  if (!json.is_object()) return fail("read the files for TLS that the loader handed over: they are damaged");
  TlsFiles files;
  for (const auto& [path, content] : json.items()) {
    if (content.is_string()) files.emplace(path, content.get<std::string>());
  }
  return files;
}

}  // namespace telegen::app
