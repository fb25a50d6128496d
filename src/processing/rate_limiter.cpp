#include "processing/rate_limiter.h"

#include <algorithm>
#include <chrono>

namespace telegen {

double TokenBucket::tokens_at(Time now) const {
  if (now <= last_) return tokens_;
  return std::min(per_second_, tokens_ + std::chrono::duration<double>(now - last_).count() * per_second_);
}

void TokenBucket::take(Time now) {
  tokens_ = tokens_at(now) - 1;
  last_ = std::max(last_, now);
}

TokenBucket& ServiceBuckets::of(std::string_view service, Time now) {
  if (const auto found = buckets_.find(service); found != buckets_.end()) return found->second;
  if (buckets_.size() >= kMostServices && now - tidied_ >= std::chrono::seconds(1)) {
    tidied_ = now;
    std::erase_if(buckets_, [now](const auto& entry) { return entry.second.full(now); });
  }
  if (buckets_.size() >= kMostServices) return others_;
  return buckets_.emplace(service, TokenBucket(per_second_)).first->second;
}

RateLimiter::RateLimiter(std::int64_t in_all, std::int64_t per_service)
    : limits_all_(in_all > 0),
      limits_services_(per_service > 0),
      all_(static_cast<double>(in_all)),
      services_(static_cast<double>(per_service)) {}

bool RateLimiter::admits(std::string_view service, Time now) {
  if (limits_all_ && !all_.has_one(now)) return false;
  if (limits_services_) {
    TokenBucket& bucket = services_.of(service, now);
    if (!bucket.has_one(now)) return false;
    bucket.take(now);
  }
  if (limits_all_) all_.take(now);
  return true;
}

}  // namespace telegen
