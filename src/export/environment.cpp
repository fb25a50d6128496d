#include "export/environment.h"

#include <charconv>
#include <cstdint>
#include <initializer_list>

namespace telegen {
namespace {

// The environment with its errors collected.
class Reader {
 public:
  explicit Reader(const EnvLookup& lookup) : lookup_(lookup) {}

  // The first variable of the list that is set; its name is kept for complaints.
  std::optional<std::string> get(std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
      auto value = lookup_(name);
      if (!value || value->empty()) continue;
      name_ = name;
      return value;
    }
    return std::nullopt;
  }
  std::optional<std::string> exporter(std::string_view option) {
    const std::string general = "OTEL_EXPORTER_OTLP_" + std::string(option);
    const std::string traces = "OTEL_EXPORTER_OTLP_TRACES_" + std::string(option);
    for (const std::string& name : {traces, general}) {
      auto value = lookup_(name);
      if (!value || value->empty()) continue;
      name_ = name;
      return value;
    }
    return std::nullopt;
  }
  // The value itself is left out of the message where it may be a secret.
  void complain(std::string_view what) {
    if (!errors_.empty()) errors_ += '\n';
    errors_.append(name_).append(": ").append(what);
  }
  Result<void> result() const {
    if (errors_.empty()) return {};
    return fail(errors_, ErrorKind::kConfiguration);
  }

 private:
  const EnvLookup& lookup_;
  std::string name_;
  std::string errors_;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "key=value,key=value", W3C Baggage without properties.
bool parse_headers(std::string_view text, std::map<std::string, std::string>& out) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view pair = trimmed(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return false;
    const auto key = percent_decoded(trimmed(pair.substr(0, equals)));
    auto value = percent_decoded(trimmed(pair.substr(equals + 1)));
    if (!key || key->empty() || !value) return false;
    out[*key] = *std::move(value);
  }
  return true;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::optional<bool> parse_bool(const std::string& text) {
  const std::string value = lower(text);
  if (value == "true") return true;
  if (value == "false") return false;
  return std::nullopt;
}

void apply_wire(OtlpSettings& s, Reader& env) {
  if (const auto v = env.exporter("PROTOCOL")) {
    if (*v == "grpc") {
      s.protocol = "grpc";
    } else if (*v == "http/protobuf") {
      s.protocol = "http";
    } else {
      env.complain("'" + *v + "' is not supported; use grpc or http/protobuf");
    }
  }
  if (const auto v = env.exporter("COMPRESSION")) {
    if (*v == "gzip" || *v == "zstd" || *v == "none") {
      s.compression = *v;
    } else {
      env.complain("'" + *v + "' is not supported; use gzip, zstd or none");
    }
  }
  if (const auto v = env.exporter("TIMEOUT")) {
    std::int64_t ms = 0;
    const auto [end, error] = std::from_chars(v->data(), v->data() + v->size(), ms);
    if (error != std::errc() || end != v->data() + v->size() || ms < 1 || ms > 3'600'000) {
      env.complain("'" + *v + "' is not a number of milliseconds from 1 to 3600000");
    } else {
      s.timeout = std::chrono::milliseconds(ms);
    }
  }
  // The general headers come first so that the signal's own replace those of the same name.
  for (const std::string_view name : {"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"}) {
    const auto v = env.get({name});
    if (v && !parse_headers(*v, s.headers)) env.complain("not a list of key=value pairs (value not shown)");
  }
}

void apply_tls(OtlpSettings& s, Reader& env) {
  if (auto v = env.exporter("CERTIFICATE")) s.tls.ca_file = *std::move(v);
  if (auto v = env.exporter("CLIENT_CERTIFICATE")) s.tls.cert_file = *std::move(v);
  if (auto v = env.exporter("CLIENT_KEY")) s.tls.key_file = *std::move(v);
  if (const auto v = env.exporter("INSECURE")) {
    if (const auto insecure = parse_bool(*v)) {
      s.tls.enabled = !*insecure;
    } else {
      env.complain("'" + *v + "' is neither true nor false");
    }
  }
}

void apply_sampler(OtlpSettings& s, Reader& env) {
  if (const auto v = env.get({"OTEL_TRACES_SAMPLER"})) {
    static constexpr std::string_view kKnown[] = {"always_on",
                                                  "always_off",
                                                  "traceidratio",
                                                  "parentbased_always_on",
                                                  "parentbased_always_off",
                                                  "parentbased_traceidratio"};
    bool known = false;
    for (const std::string_view name : kKnown) known = known || name == *v;
    if (known) {
      s.traces.sampler = *v;
    } else {
      env.complain("'" + *v + "' is not a sampler of this agent");
    }
  }
  if (const auto v = env.get({"OTEL_TRACES_SAMPLER_ARG"})) {
    double ratio = 0;
    const auto [end, error] = std::from_chars(v->data(), v->data() + v->size(), ratio);
    if (error != std::errc() || end != v->data() + v->size() || !(ratio >= 0 && ratio <= 1)) {
      env.complain("'" + *v + "' is not a number from 0 to 1");
    } else {
      s.traces.sampler_arg = ratio;
    }
  }
}

// The specification's values of these two are not case-sensitive.
void apply_metrics(OtlpSettings& s, Reader& env) {
  if (const auto v = env.get({"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"})) {
    const std::string preference = lower(*v);
    if (preference == "cumulative") {
      s.metrics.temporality = "cumulative";
    } else if (preference == "delta" || preference == "lowmemory") {
      s.metrics.temporality = "delta";
    } else {
      env.complain("'" + *v + "' is not supported; use cumulative, delta or lowmemory");
    }
  }
  if (const auto v = env.get({"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"})) {
    const std::string aggregation = lower(*v);
    if (aggregation == "explicit_bucket_histogram") {
      s.metrics.histogram = "explicit";
    } else if (aggregation == "base2_exponential_bucket_histogram") {
      s.metrics.histogram = "exponential";
    } else {
      env.complain("'" + *v +
                   "' is not supported; use explicit_bucket_histogram or base2_exponential_bucket_histogram");
    }
  }
}

}  // namespace

Result<void> apply_environment(OtlpSettings& settings, const EnvLookup& lookup) {
  Reader env(lookup);
  if (auto v = env.get({"OTEL_EXPORTER_OTLP_ENDPOINT"})) settings.endpoint = *std::move(v);
  if (auto v = env.get({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"})) settings.traces.endpoint = *std::move(v);
  apply_wire(settings, env);
  apply_tls(settings, env);
  apply_sampler(settings, env);
  apply_metrics(settings, env);
  return env.result();
}

}  // namespace telegen
