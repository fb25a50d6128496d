#include "governor/driver.h"

#include <algorithm>

namespace telegen {
namespace {

constexpr std::size_t kFewestForSlope = 5;  // of fewer samples the slope is mostly their noise
constexpr double kMuch = 0.1;               // of the limit; smaller differences say nothing
constexpr double kSeverely = 2;             // times the limit: no time for single steps

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

std::vector<std::size_t> next_levels(const std::vector<DegradationStep>& ladder) {
  std::vector<std::size_t> next(ladder.size());
  for (std::size_t i = 0; i < ladder.size(); ++i) {
    std::size_t to = i + 1;
    while (to < ladder.size() && ladder[to].level == ladder[i].level) ++to;
    next[i] = std::min(to, ladder.size() - 1);
  }
  return next;
}

}  // namespace

DriverRules cpu_rules() { return {}; }

DriverRules memory_rules() {
  return {.window = std::chrono::seconds(5),
          .horizon = std::chrono::seconds(10),
          .settle = std::chrono::seconds(5),
          .tighten_above = 0.88,
          .relax_below = 0.7,
          .at_once_above = 0.94,
          .probation = std::chrono::minutes(20),  // what is held grows for minutes before it is too much
          .clearly_less = 0};
}

ResourceDriver::ResourceDriver(const DriverRules& rules, const std::vector<DegradationStep>& ladder)
    : rules_(rules), next_level_(next_levels(ladder)), attempts_(ladder.size(), Attempt{.wait = rules.patience}) {}

double ResourceDriver::average() const {
  double sum = 0;
  for (const Sample& sample : samples_) sum += sample.fraction;
  return sum / static_cast<double>(samples_.size());
}

// Where the least-squares line through the samples is at the horizon; the average where they are too few.
double ResourceDriver::projected(Time now) const {
  const double mean = average();
  if (samples_.size() < kFewestForSlope) return mean;
  double mean_time = 0;
  for (const Sample& sample : samples_) mean_time += seconds(sample.time - now);
  mean_time /= static_cast<double>(samples_.size());
  double together = 0;
  double spread = 0;
  for (const Sample& sample : samples_) {
    const double t = seconds(sample.time - now) - mean_time;
    together += t * (sample.fraction - mean);
    spread += t * t;
  }
  if (spread == 0) return mean;
  return mean + together / spread * (seconds(rules_.horizon) - mean_time);
}

// Usage may stay between the marks for good, where most of it is nobody's to give up: that is no reason to give up
// something for ever.
bool ResourceDriver::has_room(Time now) const {
  const Duration waited = now - changed_.value_or(now);
  const double half_way = (rules_.relax_below + rules_.tighten_above) / 2;
  const double mark = waited >= rules_.most_patience ? half_way : rules_.relax_below;
  return waited >= attempts_[step_].wait && std::max(average(), projected(now)) < mark;
}

// The step above this one was left a moment ago, so this may be an attempt that fails.
bool ResourceDriver::was_just_left(Time now) const {
  if (step_ + 1 >= attempts_.size()) return false;
  const auto& left = attempts_[step_ + 1].left;
  return left && now - *left <= rules_.patience;
}

void ResourceDriver::tighten(Time now, std::size_t to) {
  to = std::min(to, attempts_.size() - 1);
  if (to == step_) return;
  Attempt& failed = attempts_[step_ + 1];
  if (failed.left && now - *failed.left < rules_.probation) {
    failed.wait = std::min(failed.wait * 2, rules_.most_patience);
  }
  step_ = to;
  changed_ = now;
  samples_.clear();
}

void ResourceDriver::relax(Time now) {
  attempts_[step_].left = now;
  attempts_[step_].usage = average();
  --step_;
  changed_ = now;
  samples_.clear();
}

// The wait before this step is left is the ordinary one again, where usage has fallen since it was left in vain.
void ResourceDriver::tidy_attempt(Time now) {
  Attempt& attempt = attempts_[step_];
  const double now_used = average();
  if (attempt.left && now_used < rules_.clearly_less * attempt.usage && now_used < attempt.usage - kMuch) {
    attempt.wait = rules_.patience;
  }
  if (step_ + 1 >= attempts_.size()) return;
  Attempt& lasting = attempts_[step_ + 1];
  if (lasting.left && now - *lasting.left >= rules_.probation)
    lasting = {.left = std::nullopt, .wait = rules_.patience};
}

std::size_t ResourceDriver::update(Time now, double fraction) {
  samples_.push_back({now, fraction});
  while (now - samples_.front().time >= rules_.window) samples_.pop_front();
  if (rules_.at_once_above > 0 && fraction > rules_.at_once_above) {
    tighten(now, next_level_[step_]);
    return step_;
  }
  if (fraction > 1 && was_just_left(now)) {
    tighten(now, step_ + 1);
    return step_;
  }
  if (changed_ && now - *changed_ < rules_.settle) return step_;
  if (average() > rules_.tighten_above || projected(now) > rules_.tighten_above) {
    tighten(now, average() > kSeverely ? next_level_[step_] : step_ + 1);
    return step_;
  }
  tidy_attempt(now);
  if (step_ > 0 && has_room(now)) relax(now);
  return step_;
}

}  // namespace telegen
