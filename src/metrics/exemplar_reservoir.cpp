#include "metrics/exemplar_reservoir.h"

#include <algorithm>
#include <span>

namespace telegen {

bool ExemplarReservoir::wants(std::int32_t bucket) const {
  const std::span held(kept_.data(), count_);
  if (std::ranges::any_of(held, [&](const Kept& one) { return one.measurement.bucket == bucket; })) return false;
  return count_ < kMost || bucket > kept_.front().measurement.bucket;
}

bool ExemplarReservoir::keep(const Measurement& measurement, const TraceId& trace, const SpanId& span) {
  if (!wants(measurement.bucket)) return false;
  std::size_t at = count_ < kMost ? count_++ : 0;  // a free place, or that of the lowest
  kept_[at] = {measurement, trace, span};
  const auto swap_with = [&](std::size_t other) {
    std::swap(kept_[at], kept_[other]);
    at = other;
  };
  while (at > 0 && kept_[at - 1].measurement.bucket > measurement.bucket) swap_with(at - 1);
  while (at + 1 < count_ && kept_[at + 1].measurement.bucket < measurement.bucket) swap_with(at + 1);
  return true;
}

std::vector<Exemplar> ExemplarReservoir::take(int shift) {
  std::vector<Exemplar> list;
  list.reserve(count_);
  for (std::size_t i = 0; i < count_; ++i) {
    const auto& [measurement, trace, span] = kept_[i];
    if (i > 0 && measurement.bucket >> shift == kept_[i - 1].measurement.bucket >> shift) continue;
    list.push_back({.time = measurement.time,
                    .value = measurement.value,
                    .trace_id = trace,
                    .span_id = span,
                    .filtered_attributes = {}});
  }
  count_ = 0;
  return list;
}

void ExemplarReservoir::next_interval() {
  ++interval_;
  count_ = 0;
}

void ExemplarCandidate::confirm(const TraceId& trace, const SpanId& span) const {
  if (reservoir == nullptr || interval != reservoir->interval()) return;
  reservoir->keep(measurement, trace, span);
}

}  // namespace telegen
