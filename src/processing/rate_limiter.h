// How many spans may pass in a second: token buckets of one second's worth, one for all and one for each service. One
// thread; time is an argument and may stand still.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"

namespace telegen {

class TokenBucket {
 public:
  explicit TokenBucket(double per_second) : per_second_(per_second), tokens_(per_second) {}
  bool has_one(Time now) const { return tokens_at(now) >= 1; }
  bool full(Time now) const { return tokens_at(now) >= per_second_; }
  void take(Time now);

 private:
  double tokens_at(Time now) const;
  double per_second_;  // what it holds at most, too
  double tokens_;      // at last_
  Time last_;
};

// One bucket for each of at most kMostServices; services beyond share one, so that no flood of names gets around the
// limit. Those that were not heard of for a second are forgotten when room is needed.
class ServiceBuckets {
 public:
  static constexpr std::size_t kMostServices = 1024;
  explicit ServiceBuckets(double per_second) : per_second_(per_second), others_(per_second) {}
  TokenBucket& of(std::string_view service, Time now);
  std::size_t size() const { return buckets_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  double per_second_;
  std::unordered_map<std::string, TokenBucket, Hash, std::equal_to<>> buckets_;
  TokenBucket others_;
  Time tidied_;
};

class RateLimiter {
 public:
  // Spans a second; 0: no limit.
  RateLimiter(std::int64_t in_all, std::int64_t per_service);
  bool limits() const { return limits_all_ || limits_services_; }
  bool admits(std::string_view service, Time now);

 private:
  bool limits_all_, limits_services_;
  TokenBucket all_;
  ServiceBuckets services_;
};

}  // namespace telegen
