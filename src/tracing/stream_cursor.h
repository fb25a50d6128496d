// Where a direction of a connection stands, decided by arithmetic: gaps, overlaps and order follow from the positions
// that the kernel side sends, whatever was lost on the way. Pure.
#pragma once

#include <cstdint>

namespace telegen {

class StreamCursor {
 public:
  struct Advance {
    std::uint64_t position = 0;  // of the transfer's first new byte; 64 bits, its lower 32 are the TCP sequence number
    std::uint64_t gap = 0;       // bytes missing before it
    std::uint64_t overlap = 0;   // bytes at its start that were already seen
    bool restarted = false;      // so far off that this is another stream
  };

  // The stream's next byte is at `position`. Ignored once the stream is under way.
  void start(std::uint64_t position, bool sequence) {
    if (started_) return;
    started_ = true;
    next_ = sequence ? position + kOrigin : position;
  }

  // A transfer of `length` bytes at `position` (32 bits that wrap if `sequence`).
  Advance advance(std::uint64_t position, std::uint64_t length, bool sequence) {
    start(position, sequence);
    const std::int64_t delta =
        sequence ? static_cast<std::int32_t>(static_cast<std::uint32_t>(position) - static_cast<std::uint32_t>(next_))
                 : static_cast<std::int64_t>(position - next_);
    if (delta < -kFarBehind) {
      started_ = false;
      Advance fresh = advance(position, length, sequence);
      fresh.restarted = true;
      return fresh;
    }
    Advance result;
    if (delta > 0) result.gap = static_cast<std::uint64_t>(delta);
    if (delta < 0)
      result.overlap = static_cast<std::uint64_t>(-delta) < length ? static_cast<std::uint64_t>(-delta) : length;
    result.position = next_ + result.gap;
    const std::uint64_t end = next_ + static_cast<std::uint64_t>(delta) + length;
    if (static_cast<std::int64_t>(end - next_) > 0) next_ = end;
    return result;
  }

 private:
  static constexpr std::uint64_t kOrigin = 1ULL << 32;     // room to go back without wrapping below zero
  static constexpr std::int64_t kFarBehind = 256LL << 20;  // no window is larger
  std::uint64_t next_ = 0;
  bool started_ = false;
};

}  // namespace telegen
