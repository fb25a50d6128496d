#include "analytics/exemplar_candidates.h"

#include <cstring>
#include <utility>

namespace telegen {
namespace {

std::uint64_t key_of(const SpanId& span) {
  std::uint64_t key = 0;
  static_assert(sizeof key == sizeof span.bytes);
  std::memcpy(&key, span.bytes.data(), sizeof key);
  return key;
}

}  // namespace

void ExemplarCandidates::add(const SpanId& span, ExemplarCandidate candidate) {
  if (young_.size() >= most_) old_ = std::exchange(young_, {});
  young_.insert_or_assign(key_of(span), std::move(candidate));
}

void ExemplarCandidates::confirm(const TraceId& trace, const SpanId& span) {
  const std::uint64_t key = key_of(span);
  if (!confirm_in(young_, key, trace, span)) confirm_in(old_, key, trace, span);
}

bool ExemplarCandidates::confirm_in(Map& map, std::uint64_t key, const TraceId& trace, const SpanId& span) {
  const auto found = map.find(key);
  if (found == map.end()) return false;
  found->second.confirm(trace, span);
  map.erase(found);
  return true;
}

void ExemplarCandidates::clear() {
  if (!young_.empty()) young_.clear();
  if (!old_.empty()) old_.clear();
}

}  // namespace telegen
