#include "governor/ladder.h"

namespace telegen {
namespace {

constexpr int kHalvings = 6;

}  // namespace

std::string_view to_text(Degradation level) {
  switch (level) {
    case Degradation::kNone: return "none";
    case Degradation::kLessCapture: return "less_capture";
    case Degradation::kHeadsOnly: return "heads_only";
    case Degradation::kLessSampling: return "less_sampling";
    case Degradation::kSuspended: return "suspended";
  }
  return "unknown";
}

std::vector<DegradationStep> make_ladder(std::uint32_t configured_capture_bytes) {
  std::uint32_t capture = configured_capture_bytes;
  std::vector<DegradationStep> ladder{{Degradation::kNone, capture, 1}};
  while (capture / 2 > kHeadBytes) {
    capture /= 2;
    ladder.push_back({Degradation::kLessCapture, capture, 1});
  }
  if (capture > kHeadBytes) {
    capture = kHeadBytes;
    ladder.push_back({Degradation::kHeadsOnly, capture, 1});
  }
  double scale = 1;
  for (int i = 0; i < kHalvings; ++i) {
    scale /= 2;
    ladder.push_back({Degradation::kLessSampling, capture, scale});
  }
  ladder.push_back({Degradation::kSuspended, 0, scale});
  return ladder;
}

}  // namespace telegen
