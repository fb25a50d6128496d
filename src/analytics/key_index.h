// Small numbers for the keys of span attributes that metrics ask for, so that one pass over a span finds all of them.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace telegen {

// Pure after it is built; any thread.
class KeyIndex {
 public:
  static constexpr std::size_t kMost = 64;  // keys: a set of them is the bits of a word

  // The number of the key, a new one if it is not known; kMost where there are too many. `key` is in static storage and
  // not empty.
  std::size_t add(std::string_view key);
  // kMost: none. Nearly all keys are told by their last bytes.
  std::size_t find(std::string_view key) const {
    const std::uint64_t tail = tail_of(key);
    for (std::size_t at = place_of(tail, key.size());; at = (at + 1) % kPlaces) {
      const Entry& entry = places_[at];
      if (entry.tail == tail && same(entry.key, key)) return entry.number;
      if (entry.key.empty()) return kMost;
    }
  }
  std::size_t size() const { return size_; }

 private:
  struct Entry {
    std::uint64_t tail = 0;
    std::string_view key;
    std::size_t number = kMost;  // of an empty place: none
  };
  static constexpr unsigned kPlaceBits = 9;
  static constexpr std::size_t kPlaces = 1 << kPlaceBits;  // most keys that are not asked for meet an empty place
  static_assert(kPlaces > 4 * kMost);

  // The last up to eight bytes.
  static std::uint64_t tail_of(std::string_view key) {
    std::uint64_t tail = 0;
    if (key.size() >= sizeof tail) {
      std::memcpy(&tail, key.data() + key.size() - sizeof tail, sizeof tail);
    } else if (!key.empty()) {
      std::memcpy(&tail, key.data(), key.size());
    }
    return tail;
  }
  // The linker keeps one copy of a literal, nearly always.
  static bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && (a.data() == b.data() || a == b);
  }
  static std::size_t place_of(std::uint64_t tail, std::size_t size) {
    return static_cast<std::size_t>(((tail ^ size) * 0x9e3779b97f4a7c15ULL) >> (64 - kPlaceBits));
  }

  std::array<Entry, kPlaces> places_{};
  std::size_t size_ = 0;
};

}  // namespace telegen
