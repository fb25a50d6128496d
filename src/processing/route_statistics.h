// What is usual for each route of each service: how long it takes, and how often it is asked for. In bounded memory,
// about 600 bytes a route, however many there are. One thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "model/span.h"
#include "processing/latency_sketch.h"
#include "processing/lru_map.h"

namespace telegen {

class RouteStatistics {
 public:
  static constexpr std::size_t kMostRoutes = 4096;
  static constexpr std::uint32_t kEnough = 200;  // durations, before a 99th percentile means anything
  static constexpr Duration kWindow = std::chrono::minutes(10);

  struct Remarkable {
    bool slow = false;  // longer than the 99th percentile of those before it
    bool rare = false;  // one of the first `rare_at_most` of its route within a window
  };
  // Takes a server's or consumer's span into account. A route is service.name and http.route, else rpc.method, else the
  // span's name. While so many routes are in use that some are forgotten within a window, no new one is rare: it cannot
  // be told from one that was forgotten.
  Remarkable observe(const Span& span, Time now, std::uint32_t rare_at_most);
  std::size_t routes() const { return routes_.size(); }

 private:
  struct Route {
    LatencySketch sketch;
    Duration p99{};
    Time window, last_seen;
    std::uint32_t in_window = 0;
  };
  Route& route_of(const Span& span, Time now);
  static bool is_slow(Route& route, Duration duration);

  LruMap<std::uint64_t, Route> routes_{kMostRoutes};  // by hash: two routes that share one are taken for one
  Time crowded_until_;
};

}  // namespace telegen
