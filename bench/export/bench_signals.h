// The batches that the export benchmarks send, sized as the agent sends them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../../tests/unit/export/sample_signals.h"
#include "base/random.h"
#include "export/otlp/logs.h"
#include "export/otlp/metrics.h"
#include "export/otlp/profiles.h"
#include "export/otlp/traces.h"

namespace telegen::bench {

inline const otlp::Scope kScope{"telegen", "0.1.0"};

// Ids are random in life, and random bytes are what compression cannot shrink.
inline std::vector<Span> spans() {
  Random random(1);
  const ResourcePtr resource = testing::checkout_resource();
  std::vector<Span> out;
  for (int i = 0; i < 512; ++i) {
    out.push_back(testing::http_span(static_cast<std::uint8_t>(i), resource));
    Span& span = out.back();
    for (auto& byte : span.trace_id.bytes) byte = static_cast<std::uint8_t>(random.next());
    for (auto& byte : span.span_id.bytes) byte = static_cast<std::uint8_t>(random.next());
    for (auto& byte : span.parent_id.bytes) byte = static_cast<std::uint8_t>(random.next());
    span.start.ns += random.next() % 1'000'000'000;
    span.end.ns = span.start.ns + random.next() % 10'000'000;
  }
  return out;
}

inline AttributeSetPtr series(std::uint64_t i) {
  return std::make_shared<const AttributeSet>(
      OwnedAttributes{{"http.request.method", std::string(i % 3 == 0 ? "POST" : "GET")},
                      {"http.route", "/api/products/" + std::to_string(i / 8)},
                      {"http.response.status_code", static_cast<std::int64_t>(200 + i % 8)},
                      {"server.address", std::string("shop.example.com")}});
}

constexpr std::uint64_t kStart = 1'700'000'000'000'000'000;
constexpr std::size_t kPointsPerMetric = 500;

// 8 metrics of 500 points.
inline std::vector<Metric> sums() {
  Random random(2);
  const ResourcePtr resource = testing::checkout_resource();
  std::vector<Metric> out;
  for (int m = 0; m < 8; ++m) {
    SumData data{Temporality::kCumulative, true, {}};
    for (std::size_t i = 0; i < kPointsPerMetric; ++i) {
      data.points.push_back({{.attributes = series(i), .start = {kStart}, .time = {kStart + 15'000'000'000}},
                             static_cast<std::int64_t>(random.next() % 1'000'000)});
    }
    out.push_back({"http.server.requests." + std::to_string(m), "Requests", "{request}", std::move(data), 0, resource});
  }
  return out;
}

inline std::vector<Metric> histograms() {
  Random random(3);
  const ResourcePtr resource = testing::checkout_resource();
  std::vector<Metric> out;
  for (int m = 0; m < 8; ++m) {
    HistogramData data{
        Temporality::kCumulative, {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5}, {}};
    for (std::size_t i = 0; i < kPointsPerMetric; ++i) {
      HistogramPoint point{{.attributes = series(i), .start = {kStart}, .time = {kStart + 15'000'000'000}}};
      for (int b = 0; b < 14; ++b) point.bucket_counts.push_back(random.next() % 1000 >> b);
      for (const std::uint64_t n : point.bucket_counts) point.count += n;
      point.sum = static_cast<double>(random.next() % 1'000'000) / 1000;
      data.points.push_back(std::move(point));
    }
    out.push_back({"http.server.request.duration", "Duration", "s", std::move(data), 0, resource});
  }
  return out;
}

// Bodies of about 200 bytes, of words and numbers that differ.
inline std::vector<LogRecord> logs() {
  static constexpr const char* kWords[] = {"connection", "refused", "order",    "customer", "retry",
                                           "payment",    "timeout", "accepted", "cache",    "miss",
                                           "upstream",   "query",   "status",   "warehouse"};
  Random random(4);
  const ResourcePtr resource = testing::checkout_resource();
  std::vector<LogRecord> out;
  for (std::size_t i = 0; i < 1000; ++i) {
    std::string body;
    while (body.size() < 200)
      body += std::string(kWords[random.next() % 14]) + "=" + std::to_string(random.next() % 10000) + " ";
    out.push_back({.time = {kStart + i * 1000},
                   .observed_time = {kStart + i * 1000 + random.next() % 1000},
                   .severity = Severity::kInfo,
                   .severity_text = "INFO",
                   .body = std::move(body),
                   .attributes = {{"log.file.path", std::string("/var/log/shop/current.log")},
                                  {"log.iostream", std::string("stdout")},
                                  {"thread.id", static_cast<std::int64_t>(random.next() % 64)},
                                  {"code.function.name", std::string("Checkout.pay")}},
                   .resource = resource});
  }
  return out;
}

// 10 processes with 200 samples each, every sample a stack of its own, 30 deep, over 2000 functions.
inline std::vector<Profile> profiles() {
  Random random(5);
  ProfileDictionary tables;
  const auto text = [&tables](std::string value) {
    tables.strings.push_back(std::move(value));
    return static_cast<std::uint32_t>(tables.strings.size() - 1);
  };
  const ProfileValueType type{text("samples"), text("count")};
  const ProfileValueType period{text("cpu"), text("nanoseconds")};
  tables.mappings.push_back({0x400000, 0x900000, 0, text("/usr/bin/shop"), {}});
  for (std::uint32_t i = 1; i <= 2000; ++i) {
    tables.functions.push_back({text("shop::checkout::function_" + std::to_string(i)), 0, 0, 0});
    tables.locations.push_back({1, 0x400000 + i * 64, {{i, static_cast<std::int64_t>(i), 0}}, {}});
  }
  for (std::uint32_t s = 0; s < 2000; ++s) {
    ProfileStack stack;
    for (int depth = 0; depth < 30; ++depth)
      stack.locations.push_back(static_cast<std::uint32_t>(1 + random.next() % 2000));
    tables.stacks.push_back(std::move(stack));
  }
  const auto dictionary = std::make_shared<const ProfileDictionary>(std::move(tables));
  std::vector<Profile> out;
  for (std::uint32_t p = 0; p < 10; ++p) {
    Profile profile{.sample_type = type,
                    .period_type = period,
                    .period = 10'101'010,
                    .time = {kStart},
                    .duration = std::chrono::seconds(10),
                    .dictionary = dictionary,
                    .resource = testing::checkout_resource()};
    for (std::uint32_t s = 0; s < 200; ++s)
      profile.samples.push_back({1 + p * 200 + s, 0, {}, {}, {{kStart + random.next() % 10'000'000'000}}});
    out.push_back(std::move(profile));
  }
  return out;
}

// All of a signal's batch in one request.
struct SpanBatch {
  std::vector<Span> data = spans();
  std::size_t items() const { return data.size(); }
  otlp::Prefix encode() const { return otlp::encode_traces_prefix(data, kScope, otlp::kMaxRequestBytes); }
};
struct SumBatch {
  std::vector<Metric> data = sums();
  std::size_t items() const { return data.size() * kPointsPerMetric; }
  otlp::Prefix encode() const { return otlp::encode_metrics_prefix(data, kScope, otlp::kMaxRequestBytes); }
};
struct HistogramBatch {
  std::vector<Metric> data = histograms();
  std::size_t items() const { return data.size() * kPointsPerMetric; }
  otlp::Prefix encode() const { return otlp::encode_metrics_prefix(data, kScope, otlp::kMaxRequestBytes); }
};
struct LogBatch {
  std::vector<LogRecord> data = logs();
  std::size_t items() const { return data.size(); }
  otlp::Prefix encode() const { return otlp::encode_logs_prefix(data, kScope, otlp::kMaxRequestBytes); }
};
struct ProfileBatch {
  std::vector<Profile> data = profiles();
  std::size_t items() const { return data.size() * data.front().samples.size(); }
  otlp::Prefix encode() const { return otlp::encode_profiles_prefix(data, kScope, otlp::kMaxRequestBytes); }
};

}  // namespace telegen::bench
