#include "analytics/key_index.h"

namespace telegen {

std::size_t KeyIndex::add(std::string_view key) {
  if (const std::size_t known = find(key); known != kMost) return known;
  if (size_ == kMost) return kMost;
  const std::uint64_t tail = tail_of(key);
  std::size_t at = place_of(tail, key.size());
  while (!places_[at].key.empty()) at = (at + 1) % kPlaces;
  places_[at] = {tail, key, size_};
  return size_++;
}

}  // namespace telegen
