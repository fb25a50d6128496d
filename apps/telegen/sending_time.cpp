#include "sending_time.h"

namespace telegen::app {
namespace {

constexpr Duration kAfterRefusal = std::chrono::minutes(15);

}  // namespace

SendingTime::Answer SendingTime::ask(Duration interval, Time now) {
  if (next_ && now < *next_) return Answer::kNotYet;
  const bool refused = next_ && is_refused();
  next_ = now + (refused ? kAfterRefusal : interval);
  return refused ? Answer::kNowThenSeldom : Answer::kNow;
}

// Since the last look nothing was taken, and something was refused for good.
bool SendingTime::is_refused() {
  std::uint64_t exported = 0;
  std::uint64_t refused = 0;
  for (const auto& destination : delivery_.accounts(signal_).destinations) {
    exported += destination.account.exported;
    refused += destination.account.dropped_by(DropCause::kRefused);
  }
  const bool all = exported == exported_ && refused > refused_;
  exported_ = exported;
  refused_ = refused;
  return all;
}

}  // namespace telegen::app
