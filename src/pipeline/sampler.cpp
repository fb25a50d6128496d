#include "pipeline/sampler.h"

#include <algorithm>
#include <cmath>

namespace telegen {
namespace {

constexpr std::uint64_t kRange = 1ULL << 56;
constexpr std::uint8_t kSampled = 1;

std::uint64_t randomness(const TraceId& id) {
  std::uint64_t value = 0;
  for (std::size_t i = 9; i < id.bytes.size(); ++i) value = value << 8 | id.bytes[i];
  return value;
}

}  // namespace

std::optional<Sampler> Sampler::make(std::string_view name, double ratio) {
  constexpr std::string_view kParentBased = "parentbased_";
  const bool parent_based = name.starts_with(kParentBased);
  if (parent_based) name.remove_prefix(kParentBased.size());
  if (name == "always_on") return Sampler(parent_based, 0);
  if (name == "always_off") return Sampler(parent_based, kRange);
  if (name != "traceidratio" || !(ratio >= 0 && ratio <= 1)) return std::nullopt;
  return Sampler(parent_based, static_cast<std::uint64_t>(std::llround((1.0 - ratio) * static_cast<double>(kRange))));
}

bool Sampler::keeps(const Span& span) const {
  const bool flagged = (span.trace_flags & kSampled) != 0;
  if (parent_based_ && span.parent_id.valid() && (span.parent_is_remote || !flagged)) return flagged;
  return randomness(span.trace_id) >= threshold_;
}

std::size_t Sampler::apply(std::vector<Span>& spans) const {
  const std::size_t removed = std::erase_if(spans, [this](const Span& span) { return !keeps(span); });
  for (Span& span : spans) span.trace_flags |= kSampled;
  return removed;
}

}  // namespace telegen
