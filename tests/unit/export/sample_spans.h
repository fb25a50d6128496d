// The spans of the golden files: every field, every kind of value, defaults included.
// tests/golden/export/make_golden.py describes the same ones to the official library.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "base/random.h"
#include "model/span.h"

namespace telegen::testing {

template <class Id>
Id sequence(std::uint8_t first) {
  Id id;
  for (auto& byte : id.bytes) byte = first++;
  return id;
}

inline ResourcePtr checkout_resource() {
  auto resource = std::make_shared<Resource>();
  resource->attributes = {{"service.name", std::string("checkout")},
                          {"process.pid", std::int64_t{4242}},
                          {"user.label/é", std::vector<std::string>{"a", "", "ü"}}};
  return resource;
}

inline std::vector<Span> golden_spans() {
  const ResourcePtr checkout = checkout_resource();
  const auto cart = std::make_shared<const Resource>(Resource{{{"service.name", std::string("cart")}}});
  Span full{.trace_id = sequence<TraceId>(0x10),
            .span_id = sequence<SpanId>(0xa0),
            .parent_id = sequence<SpanId>(0xb0),
            .trace_flags = 3,
            .parent_is_remote = true,
            .kind = SpanKind::kServer,
            .status = SpanStatus::kError,
            .start = {1'700'000'000'123'456'789ULL},
            .end = {1'700'000'000'223'456'789ULL},
            .name = "GET /cart/{id}",
            .trace_state = "vendor=a,other=b",
            .status_message = "upstream \"failed\"\n\x01",
            .attributes = {{"http.request.method", std::string("GET")},
                           {"http.response.status_code", std::int64_t{500}},
                           {"negative", std::int64_t{-1}},
                           {"smallest", std::numeric_limits<std::int64_t>::min()},
                           {"zero", std::int64_t{0}},
                           {"ratio", 0.25},
                           {"infinite", -std::numeric_limits<double>::infinity()},
                           {"yes", true},
                           {"no", false},
                           {"empty", std::string()},
                           {"nul", std::string("a\0b", 3)},
                           {"long", std::string(300, 'x')},
                           {"list", std::vector<std::string>{"10.0.0.1", "", "::1"}},
                           {"empty.list", std::vector<std::string>{}}},
            .events = {{{1'700'000'000'150'000'000ULL}, "retry", {{"attempt", std::int64_t{2}}}}, {{7}, "", {}}},
            .process = 77,
            .resource = checkout};
  Span bare{.trace_id = sequence<TraceId>(1),
            .span_id = sequence<SpanId>(2),
            .parent_is_remote = true,
            .start = {5},
            .end = {6},
            .resource = cart};
  Span local = full;  // the same resource again, after another one: it joins the first group
  local.parent_is_remote = false;
  local.kind = SpanKind::kClient;
  local.status = SpanStatus::kOk;
  local.status_message.clear();
  local.trace_state.clear();
  local.trace_flags = 0;
  local.events.clear();
  local.attributes.resize(2);
  Span alone = bare;
  alone.resource = nullptr;
  alone.kind = SpanKind::kConsumer;
  alone.name = "orders receive";
  alone.status_message = "no code";
  return {full, bare, local, alone};
}

// Random spans, text of any bytes included.
inline std::vector<Span> random_spans(std::uint64_t seed, std::size_t count) {
  Random random(seed);
  const auto below = [&random](std::uint64_t n) { return random.next() % n; };
  const auto text = [&] {
    std::string out;
    const bool hostile = below(3) == 0;
    for (std::uint64_t n = below(40); n > 0; --n) {
      out += static_cast<char>(hostile ? below(256) : 'a' + below(26));
    }
    return out;
  };
  static constexpr const char* kKeys[] = {"k.one", "k.two", "k.three", "k.four"};
  const auto value = [&]() -> Value {
    switch (below(5)) {
      case 0: return below(2) == 0;
      case 1: return static_cast<std::int64_t>(random.next() >> below(64));
      case 2: return static_cast<double>(random.next()) / static_cast<double>(1 + below(1'000'000));
      case 3: return text();
      default: return std::vector<std::string>{text(), text()};
    }
  };
  std::vector<ResourcePtr> resources = {nullptr};
  for (int i = 0; i < 4; ++i) {
    resources.push_back(std::make_shared<const Resource>(Resource{{{text(), value()}, {"service.name", text()}}}));
  }
  std::vector<Span> spans(count);
  for (Span& span : spans) {
    for (auto& byte : span.trace_id.bytes) byte = static_cast<std::uint8_t>(below(256));
    for (auto& byte : span.span_id.bytes) byte = static_cast<std::uint8_t>(below(256));
    if (below(2) == 0) span.parent_id = span.span_id;
    span.trace_flags = static_cast<std::uint8_t>(below(256));
    span.parent_is_remote = below(2) == 0;
    span.kind = static_cast<SpanKind>(1 + below(5));
    span.status = static_cast<SpanStatus>(below(3));
    span.start = {random.next()};
    span.end = {random.next()};
    span.name = text();
    span.trace_state = text();
    span.status_message = text();
    for (std::uint64_t n = below(5); n > 0; --n) span.attributes.push_back({kKeys[n - 1], value()});
    for (std::uint64_t n = below(3); n > 0; --n)
      span.events.push_back({{random.next()}, text(), {{kKeys[n], value()}}});
    span.resource = resources[below(resources.size())];
  }
  return spans;
}

// What an HTTP server span looks like: 14 attributes, for benchmarks and transports.
inline Span http_span(std::uint8_t seed, ResourcePtr resource) {
  return {.trace_id = sequence<TraceId>(seed),
          .span_id = sequence<SpanId>(static_cast<std::uint8_t>(seed + 1)),
          .parent_id = sequence<SpanId>(static_cast<std::uint8_t>(seed + 2)),
          .parent_is_remote = true,
          .kind = SpanKind::kServer,
          .start = {1'700'000'000'000'000'000ULL + seed * 1000ULL},
          .end = {1'700'000'000'001'234'000ULL + seed * 1000ULL},
          .name = "GET /api/products/{id}",
          .attributes = {{"http.request.method", std::string("GET")},
                         {"http.response.status_code", std::int64_t{200}},
                         {"url.path", "/api/products/" + std::to_string(seed)},
                         {"url.query", std::string("currency=EUR&page=2")},
                         {"url.scheme", std::string("http")},
                         {"http.route", std::string("/api/products/{id}")},
                         {"server.address", std::string("shop.example.com")},
                         {"server.port", std::int64_t{8080}},
                         {"client.address", std::string("10.1.2.3")},
                         {"network.peer.address", std::string("10.1.2.3")},
                         {"network.peer.port", std::int64_t{40000 + seed}},
                         {"network.protocol.version", std::string("1.1")},
                         {"user_agent.original", std::string("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36")},
                         {"http.response.body.size", std::int64_t{5120 + seed}}},
          .resource = std::move(resource)};
}

}  // namespace telegen::testing
