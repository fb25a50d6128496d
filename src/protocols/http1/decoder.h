// One direction of an HTTP/1 connection as frames. RFC 9112.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "protocols/core/settings.h"
#include "protocols/core/types.h"
#include "protocols/http1/head.h"

namespace telegen::http1 {

// What the next final response answers; it decides whether that response has a body (RFC 9112, section 6.3).
enum class Awaited : std::uint8_t { kUnknown, kHead, kConnect, kOther };

// What both directions of a connection know.
struct Shared {
  explicit Shared(const ProtocolSettings& s) : settings(s) {}
  const ProtocolSettings& settings;
  std::optional<Direction> request_direction;  // once the first head was seen
  Awaited awaited = Awaited::kUnknown;         // kept by the correlator
  bool handed_over = false;                    // 101, or 2xx to CONNECT
  std::size_t open = 0;                        // requests without a complete answer; kept by the correlator
  bool pipelined = false;                      // proven; kept by the correlator
  std::array<std::uint32_t, 2> heads = {};     // final heads seen, by Direction
};

struct Frame {
  enum class Kind : std::uint8_t {
    kRequest,
    kResponse,
    kInterim,  // 1xx but 101: the final response is yet to come
    kEnd,      // of the message whose head was not `complete`
    kMore,     // bytes of a message whose framing was lost
  };
  Kind kind = Kind::kEnd;
  bool complete = false;  // the message has no more bytes
  bool partial = false;   // the head was cut, or its framing is invalid: where the message ends is not known
  bool size_known = false;
  std::uint64_t body_size = 0;   // of the content, without chunk lines, if size_known; with `complete` or at kEnd
  bool size_is_stretch = false;  // kEnd of a body that lasted until close: its size is that of the stretch
  Head head;                     // kRequest, kResponse
};

class Decoder {
 public:
  Decoder(Shared& shared, Direction direction) : shared_(shared), direction_(direction) {}
  Step decode(Bytes in, const Limits& limits, Frame& frame);
  bool salvage(Bytes in, Frame& frame);
  bool bridge();
  void reset();

 private:
  enum class State : std::uint8_t {
    kStart,
    kPeek,   // a response to an unknown request: with or without body? The next bytes tell
    kBody,   // the body is to be skipped
    kChunk,  // a chunk's size line comes next
    kTrailers,
    kUnframed,  // a gap has swallowed chunk lines: only the last chunk, at the end of a piece, tells where the body
                // ends
    kEnd,
    kBroken,
  };
  Step start(Bytes in, Frame& frame);
  Step look_closer(Bytes in, Frame& frame);
  Step head(Bytes in, std::size_t size, Frame& frame);  // parsed, in the frame
  Step peek(Bytes in, Frame& frame);
  Step body();
  Step chunk(Bytes in);
  Step trailers(Bytes in, Frame& frame);
  Step unframed(Bytes in, Frame& frame);
  Step end(std::size_t consumed, Frame& frame);
  bool moved_on() const;
  Body response_body(const Head& head) const;
  bool is_mine(bool request) const;
  void learn_direction(bool request);
  void count_head();
  bool hands_over(const Head& head) const;

  Shared& shared_;
  Direction direction_;
  State state_ = State::kStart;
  Body body_ = Body::kNone;
  Sync sync_ = Sync::kFresh;
  std::size_t scanned_ = 0;
  std::uint64_t length_ = 0;  // Content-Length, or the sum of the chunks so far
  // kUnframed:
  std::string tail_;              // the last bytes since the gap, never more than fit without allocation
  std::uint32_t heads_then_ = 0;  // of the other direction, when the framing was lost
};

}  // namespace telegen::http1
