// Whether an endpoint may be tried now: closed while it answers, open after a failure until the wait is over, then one
// request is let through to see. Pure; the wait grows as Backoff says or is what the receiver asked for.
#pragma once

#include <algorithm>
#include <optional>

#include "base/time.h"
#include "export/retry.h"

namespace telegen {

class Circuit {
 public:
  explicit Circuit(const BackoffSettings& settings) : backoff_(settings) {}

  bool closed() const { return closed_; }
  // When the next attempt may begin; in the past or now: at once. Not while another one is trying.
  std::optional<Time> next_attempt() const {
    if (closed_) return Time{};
    return trying_ ? std::nullopt : std::optional(retry_at_);
  }
  void begin() { trying_ = !closed_; }
  void succeeded() {
    closed_ = true;
    trying_ = false;
    backoff_.reset();
  }
  // Requests that were under way together fail together: only the first of them lengthens the wait.
  void failed(Time now, std::optional<Duration> asked, std::uint64_t random) {
    const bool counts = closed_ || trying_ || now >= retry_at_;
    closed_ = false;
    trying_ = false;
    if (counts) retry_at_ = now + std::max(backoff_.next(random), Duration::zero());
    if (asked) retry_at_ = std::max(retry_at_, now + *asked);
  }
  void try_now() { retry_at_ = {}; }

 private:
  Backoff backoff_;
  bool closed_ = true;
  bool trying_ = false;
  Time retry_at_;
};

}  // namespace telegen
