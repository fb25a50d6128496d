#include "export/retry.h"

#include <gtest/gtest.h>

#include "export/environment.h"
#include "export/transport/answer.h"
#include "export/transport/compression.h"
#include "export/transport/endpoint.h"
#include "export/transport/transport.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, GrowsToTheMaximumAndStaysWithinTheJitter) {
  Backoff low(BackoffSettings{});
  Backoff high(BackoffSettings{});
  Backoff middle(BackoffSettings{});
  std::int64_t expected_ms = 500;
  for (int i = 0; i < 12; ++i) {
    const Duration base = std::min<Duration>(std::chrono::milliseconds(expected_ms), 30s);
    EXPECT_NEAR(static_cast<double>(low.next(0).count()), static_cast<double>(base.count()) * 0.8, 10.0);
    EXPECT_NEAR(static_cast<double>(middle.next(1ULL << 63).count()), static_cast<double>(base.count()), 10.0);
    const Duration longest = high.next(UINT64_MAX);
    EXPECT_NEAR(static_cast<double>(longest.count()), std::min(static_cast<double>(base.count()) * 1.2, 30e9), 10.0);
    EXPECT_LE(longest, Duration(30s));
    expected_ms *= 2;
  }
  middle.reset();
  EXPECT_NEAR(static_cast<double>(middle.next(1ULL << 63).count()), 5e8, 10.0);
}

TEST(RetryAfter, SecondsAndTheThreeDates) {
  const UnixTime now{784'111'777ULL * 1'000'000'000ULL};  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(parse_retry_after("120", now), Duration(120s));
  EXPECT_EQ(parse_retry_after(" 0 ", now), Duration(0s));
  EXPECT_EQ(parse_retry_after("99999999999999999999999", now), Duration(24h));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), Duration(60s));
  EXPECT_EQ(parse_retry_after("Sunday, 06-Nov-94 08:50:37 GMT", now), Duration(60s));
  EXPECT_EQ(parse_retry_after("Sun Nov  6 08:50:37 1994", now), Duration(60s));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:00 GMT", now), Duration(0s));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 2094 08:49:00 GMT", now), Duration(24h));
  for (const char* bad : {"", "soon", "-5", "1.5", "Sun, 06 Nov 1994 08:50:37 CET"}) {
    EXPECT_FALSE(parse_retry_after(bad, now)) << bad;
  }
}

TEST(Retryable, IsTheTableOfTheSpecification) {
  for (int status = 0; status < 20; ++status) {
    const bool expected = status == 1 || status == 4 || status == 10 || status == 11 || status == 14 || status == 15;
    EXPECT_EQ(grpc_retryable(status, false), expected) << status;
    EXPECT_EQ(grpc_retryable(status, true), expected || status == 8) << status;
  }
  for (long status = 100; status < 600; ++status) {
    EXPECT_EQ(http_retryable(status), status == 429 || status == 502 || status == 503 || status == 504) << status;
  }
  EXPECT_EQ(grpc_status_name(14), "UNAVAILABLE");
  EXPECT_EQ(grpc_status_name(16), "UNAUTHENTICATED");
  EXPECT_EQ(grpc_status_name(42), "status 42");
}

TEST(Answers, GrpcWithoutAStatusIsPermanentUnlessHttpSaysOtherwise) {
  EXPECT_EQ(std::get<Permanent>(classify_grpc({.http_status = 200})).reason, "the answer has no grpc-status");
  EXPECT_TRUE(std::holds_alternative<Retry>(classify_grpc({.http_status = 503})));
  EXPECT_EQ(std::get<Permanent>(classify_grpc({.http_status = 404})).reason, "HTTP 404 in place of a gRPC answer");
  EXPECT_TRUE(std::holds_alternative<Permanent>(classify_grpc({.http_status = 200, .grpc_status = "zero"})));
  EXPECT_EQ(
      std::get<Permanent>(classify_grpc({.http_status = 200, .grpc_status = "3", .grpc_message = "no%20way"})).reason,
      "INVALID_ARGUMENT: no way");
}

TEST(Answers, GrpcThatLostItsTrailersStandsByItsMessage) {
  Answer answer{.http_status = 200, .body = std::string(5, '\0'), .content_type = "application/grpc+proto"};
  EXPECT_TRUE(std::holds_alternative<Accepted>(classify_grpc(answer)));
  answer.body = std::string("\0\0\0\0\x04\x0a\x02\x08\x05", 9);
  EXPECT_EQ(std::get<Partial>(classify_grpc(answer)).rejected, 5U);
  for (const std::size_t cut : {8, 4, 0}) {
    answer.body.resize(cut);
    EXPECT_EQ(std::get<Retry>(classify_grpc(answer)).reason, "the answer was cut short");
  }
  answer.body = std::string(5, '\0');
  answer.grpc_status = "zero";
  EXPECT_TRUE(std::holds_alternative<Permanent>(classify_grpc(answer)));
  EXPECT_TRUE(std::holds_alternative<Permanent>(
      classify_grpc({.http_status = 200, .body = std::string(5, '\0'), .content_type = "text/html"})));
}

TEST(Answers, GrpcPartialSuccessAlsoCompressed) {
  const std::string message(
      "\x0a\x07\x08\x05\x12\x03"
      "bad",
      9);
  Answer answer{.http_status = 200, .body = std::string("\0\0\0\0\x09", 5) + message, .grpc_status = "0"};
  auto partial = std::get<Partial>(classify_grpc(answer));
  EXPECT_EQ(partial.rejected, 5U);
  EXPECT_EQ(partial.message, "bad");
  for (const Compression kind : {Compression::kGzip, Compression::kZstd}) {
    Compressor compressor(kind);
    std::string body;
    ASSERT_TRUE(compressor.append(message, body));
    answer.body = std::string("\1\0\0\0", 4) + static_cast<char>(body.size()) + body;
    answer.grpc_encoding = encoding_name(kind);
    partial = std::get<Partial>(classify_grpc(answer));
    EXPECT_EQ(partial.rejected, 5U);
    EXPECT_EQ(partial.message, "bad");
  }
  answer.body.resize(7);  // cut short: the status still says that it was taken
  EXPECT_TRUE(std::holds_alternative<Accepted>(classify_grpc(answer)));
}

TEST(Compression, RoundTripsAndRefusesBombs) {
  std::string input;
  for (int i = 0; i < 20'000; ++i) input += "span " + std::to_string(i);
  for (const Compression kind : {Compression::kGzip, Compression::kZstd}) {
    Compressor compressor(kind);
    for (int i = 0; i < 2; ++i) {  // used again
      std::string packed = "head";
      ASSERT_TRUE(compressor.append(input, packed));
      ASSERT_TRUE(packed.starts_with("head"));
      EXPECT_LT(packed.size(), input.size() / 2);
      EXPECT_EQ(decompress(encoding_name(kind), packed.substr(4), 4U << 20).value(), input);
    }
    std::string bomb;
    ASSERT_TRUE(compressor.append(std::string(20U << 20, '\0'), bomb));
    EXPECT_EQ(decompress(encoding_name(kind), bomb, 4U << 20).error().message,
              "decompress an answer: larger than 4194304 bytes");
    EXPECT_FALSE(decompress(encoding_name(kind), bomb.substr(0, bomb.size() / 2), 40U << 20));
    EXPECT_FALSE(decompress(encoding_name(kind), "garbage", 1000));
  }
  EXPECT_EQ(decompress("br", "", 10).error().message, "decompress an answer: unknown encoding 'br'");
}

std::string url(std::string_view text, bool grpc, bool tls = false, bool as_is = false) {
  const auto endpoint = parse_endpoint(text, grpc, tls, as_is, Signal::kTraces);
  return endpoint ? endpoint->url : "error: " + endpoint.error().message;
}

TEST(Endpoint, FormsOfTheConfiguration) {
  const std::string method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
  EXPECT_EQ(url("host:4317", true), "http://host:4317" + method);
  EXPECT_EQ(url("host", true), "http://host:4317" + method);
  EXPECT_EQ(url("host:4317", true, true), "https://host:4317" + method);
  EXPECT_EQ(url("https://host", true), "https://host:443" + method);
  EXPECT_EQ(url("HTTP://host:1/", true), "http://host:1" + method);
  EXPECT_EQ(url("[::1]:4317", true), "http://[::1]:4317" + method);
  EXPECT_EQ(url("[::1]", false), "http://[::1]:4318/v1/traces");
  EXPECT_EQ(url("host", false), "http://host:4318/v1/traces");
  EXPECT_EQ(url("http://host:1/base/", false), "http://host:1/base/v1/traces");
  EXPECT_EQ(url("http://host:1/own?key=1", false, false, true), "http://host:1/own?key=1");
  EXPECT_EQ(url("http://host:1", false, false, true), "http://host:1/");
}

TEST(Endpoint, ErrorsNameTheEndpointAndTheReason) {
  EXPECT_EQ(url("ftp://host", true), "error: endpoint 'ftp://host': only http:// and https:// are known");
  EXPECT_EQ(url("http://host", true, true),
            "error: endpoint 'http://host': says http:// but TLS is enabled; write https://");
  EXPECT_EQ(url("host:0", true), "error: endpoint 'host:0': the port is not a number from 1 to 65535");
  EXPECT_EQ(url("host:65536", true), "error: endpoint 'host:65536': the port is not a number from 1 to 65535");
  EXPECT_EQ(url("host:", true), "error: endpoint 'host:': the port is not a number from 1 to 65535");
  EXPECT_EQ(url("::1:4317", true), "error: endpoint '::1:4317': write an IPv6 address in brackets");
  EXPECT_EQ(url(":4317", true), "error: endpoint ':4317': the host is missing");
  EXPECT_EQ(url("u:p@host:1", true), "error: endpoint 'u:p@host:1': put credentials into otlp.headers");
  EXPECT_EQ(url("http://host/x", true), "error: endpoint 'http://host/x': gRPC knows no path");
  EXPECT_EQ(url("http://host/?a=1", false), "error: endpoint 'http://host/?a=1': a query is not possible");
  EXPECT_EQ(url("ho st:1", true), "error: endpoint 'ho st:1': contains a blank or control character");
}

TEST(Endpoint, OfEachSignal) {
  const auto of = [](Signal signal, bool grpc) { return parse_endpoint("h:1", grpc, false, false, signal)->url; };
  EXPECT_EQ(of(Signal::kMetrics, false), "http://h:1/v1/metrics");
  EXPECT_EQ(of(Signal::kLogs, false), "http://h:1/v1/logs");
  EXPECT_EQ(of(Signal::kProfiles, false), "http://h:1/v1development/profiles");
  EXPECT_EQ(of(Signal::kMetrics, true), "http://h:1/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
  EXPECT_EQ(of(Signal::kLogs, true), "http://h:1/opentelemetry.proto.collector.logs.v1.LogsService/Export");
  EXPECT_EQ(of(Signal::kProfiles, true),
            "http://h:1/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export");
}

std::string refusal(const OtlpWireSettings& settings, std::string_view endpoint, const TlsMaterial& tls = {}) {
  const auto config = transport_config(settings, "otlp", endpoint, false, tls, "1");
  return config ? "none" : config.error().message;
}

TEST(Transport, RefusesHeadersThatWouldSmuggleOthers) {
  OtlpWireSettings settings;
  settings.headers = {{"x-key", "a\r\nx-evil: 1"}};
  EXPECT_EQ(refusal(settings, "h:1"), "otlp.headers.x-key: the value has a control character");
  settings.headers = {{"bad name", "1"}};
  EXPECT_EQ(refusal(settings, "h:1"), "otlp.headers: 'bad name' is no header name");
}

TEST(Transport, AuthoritiesAreMissedOnlyWhereSomebodyIsVerified) {
  // On a host without any, a container for instance.
  EXPECT_EQ(refusal({}, "http://h:4317"), "none");
  EXPECT_EQ(refusal({}, "https://h:4317"), "otlp.tls.ca_file: this system has no file of authorities; name one");
  EXPECT_EQ(refusal({}, "https://h:4317", {.verify = false}), "none");
  EXPECT_EQ(refusal({}, "h:0"), "otlp.endpoint: endpoint 'h:0': the port is not a number from 1 to 65535");
}

Result<void> apply(OtlpSettings& settings, const std::map<std::string, std::string, std::less<>>& env) {
  return apply_environment(settings, [&env](std::string_view name) -> std::optional<std::string> {
    const auto it = env.find(name);
    if (it == env.end()) return std::nullopt;
    return it->second;
  });
}

TEST(Environment, EveryVariableArrives) {
  OtlpSettings s;
  s.headers = {{"kept", "1"}};
  ASSERT_TRUE(
      apply(s, {{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"},
                {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t:1/x"},
                {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"},
                {"OTEL_EXPORTER_OTLP_COMPRESSION", "none"},
                {"OTEL_EXPORTER_OTLP_TIMEOUT", "2500"},
                {"OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%2Cb, x = y ,both=general"},
                {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "both=traces"},
                {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca"},
                {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/cert"},
                {"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/key"},
                {"OTEL_EXPORTER_OTLP_INSECURE", "False"},
                {"OTEL_TRACES_SAMPLER", "traceidratio"},
                {"OTEL_TRACES_SAMPLER_ARG", "0.5"},
                {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"},
                {"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "BASE2_exponential_bucket_histogram"}}));
  EXPECT_EQ(s.endpoint, "http://c:4318");
  EXPECT_EQ(s.traces.endpoint, "http://t:1/x");
  EXPECT_EQ(s.protocol, "http");
  EXPECT_EQ(s.compression, "none");
  EXPECT_EQ(s.timeout, Duration(2500ms));
  EXPECT_EQ(s.headers,
            (std::map<std::string, std::string>{{"kept", "1"}, {"api-key", "a,b"}, {"x", "y"}, {"both", "traces"}}));
  EXPECT_EQ(s.tls.ca_file, "/ca");
  EXPECT_EQ(s.tls.cert_file, "/cert");
  EXPECT_EQ(s.tls.key_file, "/key");
  EXPECT_TRUE(s.tls.enabled);
  EXPECT_EQ(s.traces.sampler, "traceidratio");
  EXPECT_EQ(s.traces.sampler_arg, 0.5);
  EXPECT_EQ(s.metrics.temporality, "delta");
  EXPECT_EQ(s.metrics.histogram, "exponential");
}

TEST(Environment, PreferencesOfMetricsAreTheSpecificationsValues) {
  const auto temporality = [](const char* preference) {
    OtlpSettings s;
    s.metrics.temporality = "unset";
    EXPECT_TRUE(apply(s, {{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", preference}}));
    return s.metrics.temporality;
  };
  EXPECT_EQ(temporality("cumulative"), "cumulative");
  EXPECT_EQ(temporality("delta"), "delta");
  EXPECT_EQ(temporality("LowMemory"), "delta");
  EXPECT_EQ(temporality(""), "unset");
  OtlpSettings s;
  s.metrics.histogram = "exponential";
  ASSERT_TRUE(apply(s, {{"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "explicit_bucket_histogram"}}));
  EXPECT_EQ(s.metrics.histogram, "explicit");
}

TEST(Environment, EmptyIsUnsetAndTheSignalWins) {
  OtlpSettings s;
  ASSERT_TRUE(apply(s, {{"OTEL_EXPORTER_OTLP_ENDPOINT", ""},
                        {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"},
                        {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"},
                        {"OTEL_EXPORTER_OTLP_COMPRESSION", "none"},
                        {"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", ""}}));
  EXPECT_EQ(s.endpoint, "");
  EXPECT_EQ(s.protocol, "grpc");
  EXPECT_EQ(s.compression, "none");
}

TEST(Environment, AllErrorsAtOnceAndNoSecretAmongThem) {
  OtlpSettings s;
  const auto result = apply(s, {{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"},
                                {"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "lz4"},
                                {"OTEL_EXPORTER_OTLP_TIMEOUT", "10s"},
                                {"OTEL_EXPORTER_OTLP_HEADERS", "secret%zz"},
                                {"OTEL_EXPORTER_OTLP_INSECURE", "maybe"},
                                {"OTEL_TRACES_SAMPLER", "jaeger_remote"},
                                {"OTEL_TRACES_SAMPLER_ARG", "nan"},
                                {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both"},
                                {"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "explicit"}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kConfiguration);
  EXPECT_EQ(result.error().message,
            "OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' is not supported; use grpc or http/protobuf\n"
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'lz4' is not supported; use gzip, zstd or none\n"
            "OTEL_EXPORTER_OTLP_TIMEOUT: '10s' is not a number of milliseconds from 1 to 3600000\n"
            "OTEL_EXPORTER_OTLP_HEADERS: not a list of key=value pairs (value not shown)\n"
            "OTEL_EXPORTER_OTLP_INSECURE: 'maybe' is neither true nor false\n"
            "OTEL_TRACES_SAMPLER: 'jaeger_remote' is not a sampler of this agent\n"
            "OTEL_TRACES_SAMPLER_ARG: 'nan' is not a number from 0 to 1\n"
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'both' is not supported; use cumulative, delta or "
            "lowmemory\n"
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'explicit' is not supported; use "
            "explicit_bucket_histogram or base2_exponential_bucket_histogram");
  EXPECT_EQ(s.protocol, "grpc");
}

}  // namespace
}  // namespace telegen
