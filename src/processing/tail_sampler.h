// Tail sampling within the host: the spans of a trace that were made here are held until some time after the first of
// them, and then kept together if any policy says so. What other hosts hold of the trace is decided there, by the same
// trace id for the baseline, on its own for the rest. One thread; time is an argument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/span.h"
#include "processing/lru_map.h"
#include "processing/rate_limiter.h"
#include "processing/route_statistics.h"
#include "processing/settings.h"

namespace telegen {

// In the order in which they are asked; a trace is kept by the first that holds.
enum class TailPolicy : std::uint8_t { kErrors, kLatency, kSlowRoute, kRareRoute, kRateLimit, kBaseline };
// The value of the attribute `telegen.sampling.policy` on every span of a trace that was kept.
std::string_view to_text(TailPolicy policy);

class TailSampler {
 public:
  explicit TailSampler(const TailSamplingSettings& settings);

  struct Decided {
    std::vector<Span> kept;         // trace by trace, in the order of their first spans; late ones as they came
    std::uint64_t sampled_out = 0;  // spans
    std::uint64_t buffer_full = 0;  // spans that no policy kept when their trace had to be decided early
    std::uint64_t traces_decided_early = 0;
  };
  // Holds the span, or, if its trace was decided before, does with it as with the trace. To stay within its bounds it
  // decides the oldest traces early.
  void offer(Span span, Time now);
  void decide_due(Time now);
  void decide_all();
  Decided take() { return std::exchange(decided_, {}); }

  std::size_t held() const { return held_; }
  std::size_t held_bytes() const { return held_bytes_; }
  std::optional<Time> next_due() const;

 private:
  // The randomness of a trace id is in its last bytes.
  struct IdHash {
    std::size_t operator()(const TraceId& id) const;
  };
  struct Trace {
    TraceId id;
    Time due;
    std::vector<Span> spans;
    std::size_t bytes = 0;
    std::uint8_t reasons = 0;  // bit n: policy n holds
  };
  struct Verdict {
    std::optional<TailPolicy> kept_by;  // nothing: dropped
    std::uint64_t threshold = 0;        // kBaseline
  };
  using Traces = std::list<Trace>;  // oldest first

  std::uint8_t reasons_of(const Span& span);
  Verdict judge(const Trace& trace);
  Verdict judge_by_chance(const Trace& trace);
  void decide_oldest(bool early);
  void follow(const Verdict& verdict, Span span);

  TailSamplingSettings settings_;
  RouteStatistics routes_;
  ServiceBuckets allowances_;
  Traces traces_;
  std::unordered_map<TraceId, Traces::iterator, IdHash> by_id_;
  LruMap<TraceId, Verdict, IdHash> verdicts_;
  Decided decided_;
  std::size_t held_ = 0, held_bytes_ = 0;
  Time now_;
};

}  // namespace telegen
