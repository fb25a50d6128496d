// Measurements whose spans are not decided on yet: with tail sampling for a while, else until the end of their batch.
// Bounded: of many, the oldest are forgotten, and give no exemplar. One thread.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>

#include "metrics/exemplar_reservoir.h"
#include "model/span.h"

namespace telegen {

class ExemplarCandidates {
 public:
  // Holds at most twice `most`.
  explicit ExemplarCandidates(std::size_t most = 8192) : most_(most) {}

  void add(const SpanId& span, ExemplarCandidate candidate);
  // The span is sent.
  void confirm(const TraceId& trace, const SpanId& span);
  // None that is held now will be sent.
  void clear();
  std::size_t size() const { return young_.size() + old_.size(); }

 private:
  // By span id: the agent made it, of random bits.
  using Map = boost::unordered_flat_map<std::uint64_t, ExemplarCandidate>;
  static bool confirm_in(Map& map, std::uint64_t key, const TraceId& trace, const SpanId& span);

  std::size_t most_;
  Map young_, old_;
};

}  // namespace telegen
