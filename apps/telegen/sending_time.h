// When it is time to send one signal.
#pragma once

#include <cstdint>
#include <optional>

#include "delivery/delivery.h"

namespace telegen::app {

// A receiver that refuses all of it does not take that signal; then it is tried seldom. One thread.
class SendingTime {
 public:
  SendingTime(const Delivery& delivery, Signal signal) : delivery_(delivery), signal_(signal) {}

  // kNowThenSeldom: all that was sent since the last time was refused, so the next time is in a quarter of an hour.
  enum class Answer : std::uint8_t { kNotYet, kNow, kNowThenSeldom };
  Answer ask(Duration interval, Time now);
  void reset() { next_.reset(); }

 private:
  bool is_refused();

  const Delivery& delivery_;
  const Signal signal_;
  std::optional<Time> next_;
  std::uint64_t exported_ = 0;  // of the destinations, when they were looked at last
  std::uint64_t refused_ = 0;
};

}  // namespace telegen::app
