#include "processing/route_statistics.h"

#include <functional>
#include <utility>

#include "processing/span_fields.h"

namespace telegen {
namespace {

constexpr std::uint32_t kNotRare = UINT32_MAX / 2;  // until its window is over
constexpr std::uint32_t kRefreshEvery = 32;         // durations between two looks at the whole sketch

std::string_view name_of_route(const Span& span) {
  for (const std::string_view key : {"http.route", "rpc.method"}) {
    if (const std::string_view text = find_text(span.attributes, key); !text.empty()) return text;
  }
  return span.name;
}

std::uint64_t route_key(const Span& span) {
  const std::hash<std::string_view> hash;
  return hash(service_of(span)) * 0x9e3779b97f4a7c15ULL ^ hash(name_of_route(span));
}

}  // namespace

RouteStatistics::Route& RouteStatistics::route_of(const Span& span, Time now) {
  const std::uint64_t key = route_key(span);
  Route* route = routes_.find(key);
  if (route == nullptr) {
    const auto forgotten = routes_.insert(key, Route{.window = now, .last_seen = now});
    if (forgotten && now - forgotten->last_seen < kWindow) crowded_until_ = now + kWindow;
    route = routes_.find(key);
    if (now < crowded_until_) route->in_window = kNotRare;
  }
  return *route;
}

bool RouteStatistics::is_slow(Route& route, Duration duration) {
  if (route.sketch.count() >= kEnough && (route.p99 == Duration{} || route.sketch.count() % kRefreshEvery == 0)) {
    route.p99 = route.sketch.quantile(0.99);
  }
  const bool slow = route.p99 != Duration{} && duration > route.p99;
  route.sketch.add(duration);
  return slow;
}

RouteStatistics::Remarkable RouteStatistics::observe(const Span& span, Time now, std::uint32_t rare_at_most) {
  if (span.kind != SpanKind::kServer && span.kind != SpanKind::kConsumer) return {};
  Route& route = route_of(span, now);
  if (now - route.window >= kWindow) {
    route.window = now;
    route.in_window = 0;
  }
  ++route.in_window;
  route.last_seen = now;
  return {is_slow(route, duration_of(span)), route.in_window <= rare_at_most};
}

}  // namespace telegen
