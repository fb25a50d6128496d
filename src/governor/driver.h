// One resource's say in how far the agent degrades: from what share of its limit is in use, second by second, to a step
// of the ladder. Pure: time is an argument. One thread.
//
// Up at once, down with patience. A step that is left and must be taken again soon after was left in vain: the wait
// before the next attempt doubles, until an attempt lasts or usage on that step has clearly fallen. So a constant load
// gives a few attempts an hour and no oscillation, and every step is left again once there is room.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "base/time.h"
#include "governor/ladder.h"

namespace telegen {

struct DriverRules {
  Duration window = std::chrono::seconds(10);  // what the average and the slope are taken over
  Duration horizon = std::chrono::seconds(5);  // how far ahead the slope is followed
  Duration settle = std::chrono::seconds(3);   // after a change of step: what it does shows only then
  double tighten_above = 0.9;                  // of the limit, by the average or where the slope leads
  double relax_below = 0.6;                    // by both; after the longest patience, half way to tighten_above will do
  double at_once_above = 0;                    // a single sample above it: the next level, without waiting; 0: never
  Duration patience = std::chrono::seconds(30);  // before a step is left
  Duration most_patience = std::chrono::minutes(10);
  Duration probation = std::chrono::minutes(5);  // a step that is taken again within was left in vain
  // Usage on a step that is so much less than when the step was left in vain means that the load has fallen: the wait
  // is the ordinary one again. 0: it does not mean that, what is held drains by itself.
  double clearly_less = 0.7;
};

// CPU time comes in bursts and follows a step at once: what counts is the average.
DriverRules cpu_rules();
// Memory is lost for good where it exceeds the limit once, and follows a step slowly.
DriverRules memory_rules();

class ResourceDriver {
 public:
  ResourceDriver(const DriverRules& rules, const std::vector<DegradationStep>& ladder);

  // `fraction`: in use / limit, since the call before (CPU) or now (memory). The step from now on.
  std::size_t update(Time now, double fraction);
  // Nothing was measured for a while: what is known says nothing of now.
  void forget_samples() { samples_.clear(); }
  std::size_t step() const { return step_; }

 private:
  struct Sample {
    Time time;
    double fraction;
  };
  struct Attempt {  // to leave a step
    std::optional<Time> left;
    Duration wait;
    double usage = 0;  // on the step, when it was left
  };
  bool has_room(Time now) const;
  double average() const;
  double projected(Time now) const;
  bool was_just_left(Time now) const;
  void tighten(Time now, std::size_t to);
  void relax(Time now);
  void tidy_attempt(Time now);

  DriverRules rules_;
  std::vector<std::size_t> next_level_;  // of each step: the first step of the level after its own
  std::vector<Attempt> attempts_;        // by the step that was left
  std::deque<Sample> samples_;           // on this step, not older than the window
  std::optional<Time> changed_;
  std::size_t step_ = 0;
};

}  // namespace telegen
