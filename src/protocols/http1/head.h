// The head of an HTTP/1 message: start line and fields, RFC 9112, sections 2 to 6. Pure functions on captured bytes;
// everything they return are views into them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocols/core/types.h"
#include "protocols/http/semantics.h"

namespace telegen::http1 {

// What is known of the stream at the place where a message is expected.
enum class Sync : std::uint8_t {
  kSynced,  // a message ended here. Any method, and RFC 9112, section 3 lets a recipient be lenient about white space
  kFresh,  // nothing: a line must be plausible beyond doubt, with single spaces, a target in one of the four forms, and
           // no unknown method that may be the tail of a known one ("ET" of GET)
  kLost,   // these may be any bytes of a body, so as kFresh, and the method must be a known one
};

// What the bytes at a message's start are. kMaybe: all of them fit, but the start line is not complete.
Match classify_start(Bytes in, Sync sync);

enum class Body : std::uint8_t {
  kNone,
  kLength,      // Content-Length
  kChunked,     // chunked is the last transfer coding
  kUntilClose,  // responses only
  kUnknown,     // framing that RFC 9112, section 6.3 calls an error: nothing behind the head can be trusted
};

struct Head {
  bool is_request = false;
  std::uint16_t status = 0;
  http::RequestHead request;  // of a response only `version` is set
  bool has_length = false;
  bool bad_length = false;  // not a number, or two that differ
  std::uint64_t length = 0;
  bool has_coding = false;
  bool chunked = false;  // the last coding
};

// The size of the head that starts at in[0], with its empty line; 0 if it is not complete. `scanned` is kept between
// calls with a growing `in`, so that bytes are looked at once.
std::size_t find_head_end(Bytes in, std::size_t& scanned);

struct Parsed {
  bool valid = false;    // `in` starts with a complete start line
  std::size_t size = 0;  // of the head with its empty line; 0 if it is not complete
};

// `in` is a head and what may follow it, or the beginning of one; an incomplete last line is not used. One pass.
Parsed parse_head(Bytes in, Head& head);

// Section 6.3. The response's own rules (HEAD, CONNECT, 1xx, 204, 304) are the caller's.
Body body_of(const Head& head);

}  // namespace telegen::http1
