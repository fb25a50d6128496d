// The vocabulary between a byte stream and a protocol. See protocol.h for how the pieces fit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/time.h"

namespace telegen {

// Seen from the process whose socket it is.
enum class Direction : std::uint8_t { kReceived = 0, kSent = 1 };
constexpr Direction opposite(Direction d) { return d == Direction::kSent ? Direction::kReceived : Direction::kSent; }

enum class Match : std::uint8_t {
  kNo,        // these bytes cannot start this protocol
  kMaybe,     // too few bytes to tell
  kRequest,   // they start it, and the sender of these bytes is the client
  kResponse,  // they start it, and the sender of these bytes is the server
};

enum class Verdict : std::uint8_t {
  kFrame,          // `consumed` bytes made one frame, now in `out`; 0 is allowed directly after a skip ended
  kSkip,           // the next `consumed` bytes of the stream carry nothing to decode. May exceed what is at hand, and
                   // spans chunks and gaps; kUntilClose means all that follows in this direction
  kNeedMore,       // `in` ends inside a frame; consumed == 0
  kMalformed,      // not this protocol: drop `consumed` bytes and resync; 0 is allowed directly after a frame whose
                   // end cannot be known
  kEndOfProtocol,  // the connection now speaks something else (an upgrade); nothing that follows is decoded
};

constexpr std::size_t kUntilClose = SIZE_MAX;

struct Step {
  Verdict verdict = Verdict::kNeedMore;
  std::size_t consumed = 0;
};

// What a decoder may hold. A frame larger than `frame_bytes` is broken off as by a gap: what can be salvaged is used.
struct Limits {
  std::size_t frame_bytes = 64 * 1024;
  std::size_t attribute_bytes = 4096;          // a longer value is cut
  std::size_t in_flight = 1024;                // requests waiting for a response on one connection
  Duration silence = Duration(5'000'000'000);  // ends a message whose end cannot be known
};

// Why a request that was seen gives no exchange, or bytes gave no request.
enum class LossCause : std::uint8_t {
  kGap,        // the kernel could not hand over bytes that were needed, or they lay beyond the capture limit
  kTableFull,  // more requests in flight than Limits allows
  kMalformed,  // bytes that are not this protocol
  kUnmatched,  // a response without a request (its request was before the agent)
};

// Where in its stream, and when, a frame was. Positions count bytes of one direction from an arbitrary origin that is
// the same for both ends of a connection where the kernel has sequence numbers. A byte's time is that of the chunk in
// which it came.
struct Stretch {
  Direction direction = Direction::kReceived;
  std::uint64_t position = 0;  // of the frame's own first byte, after whatever was skipped before it
  std::uint64_t bytes = 0;     // of the frame and of what was skipped since the previous one
  Time first_byte;             // of a frame of 0 bytes: as last_byte
  Time last_byte;              // of a frame of 0 bytes: of the last byte skipped before it
};

}  // namespace telegen
