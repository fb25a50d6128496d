#include "processing/sampler.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace telegen {
namespace {

constexpr std::uint8_t kSampled = 1;

}  // namespace

std::uint64_t randomness_of(const Span& span, const SamplingState& state) {
  if (state.randomness) return *state.randomness;
  std::uint64_t value = 0;
  for (std::size_t i = 9; i < span.trace_id.bytes.size(); ++i) value = value << 8 | span.trace_id.bytes[i];
  return value;
}

std::uint64_t scaled_threshold(std::uint64_t threshold, double factor) {
  if (!(factor < 1)) return threshold;
  const auto share = static_cast<double>(kSamplingRange - threshold);
  return kSamplingRange - static_cast<std::uint64_t>(std::llround(share * std::max(factor, 0.0)));
}

void set_threshold(Span& span, const SamplingState& state, std::optional<std::uint64_t> threshold) {
  if (threshold == state.threshold) return;
  if (threshold == 0 && !state.threshold) return;
  span.trace_state = with_threshold(span.trace_state, threshold);
}

std::optional<Sampler> Sampler::make(std::string_view name, double ratio) {
  constexpr std::string_view kParentBased = "parentbased_";
  const bool parent_based = name.starts_with(kParentBased);
  if (parent_based) name.remove_prefix(kParentBased.size());
  if (name == "always_on") return Sampler(parent_based, 0);
  if (name == "always_off") return Sampler(parent_based, kSamplingRange);
  if (name != "traceidratio" || !(ratio >= 0 && ratio <= 1)) return std::nullopt;
  return Sampler(parent_based, scaled_threshold(0, ratio));
}

Sampler::Verdict Sampler::judge(const Span& span, const SamplingState& state, double scale) const {
  const std::uint64_t randomness = randomness_of(span, state);
  if (parent_based_ && span.trace_decided) {
    if ((span.trace_flags & kSampled) == 0) return {};
    // A threshold above the randomness did not keep this trace: it says nothing.
    const auto followed = state.threshold && randomness >= *state.threshold ? state.threshold : std::nullopt;
    if (scale >= 1) return {true, followed};
    const std::uint64_t threshold = scaled_threshold(followed.value_or(0), scale);
    return {randomness >= threshold, threshold};
  }
  const std::uint64_t threshold = scaled_threshold(threshold_, scale);
  return {randomness >= threshold, threshold};
}

bool Sampler::decide(Span& span, double scale) const {
  const SamplingState state = parse_sampling_state(span.trace_state);
  const Verdict verdict = judge(span, state, scale);
  if (!verdict.keep) return false;
  span.trace_flags |= kSampled;
  set_threshold(span, state, verdict.threshold);
  return true;
}

bool Sampler::keeps(const Span& span) const { return judge(span, parse_sampling_state(span.trace_state), 1).keep; }

std::size_t Sampler::apply(std::vector<Span>& spans) const {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (!decide(spans[i])) continue;
    if (kept != i) spans[kept] = std::move(spans[i]);
    ++kept;
  }
  const std::size_t removed = spans.size() - kept;
  spans.resize(kept);
  return removed;
}

}  // namespace telegen
