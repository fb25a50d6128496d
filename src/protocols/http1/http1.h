// HTTP/1.0 and HTTP/1.1 (RFC 9112) as a protocol.
#pragma once

#include "protocols/http1/correlator.h"
#include "protocols/http1/decoder.h"

namespace telegen {

struct Http1 {
  using Shared = http1::Shared;
  using Decoder = http1::Decoder;
  using Correlator = http1::Correlator;
  using Frame = http1::Frame;

  static Match recognise(Bytes in);
  // A start line at the beginning of `in` or after a line's end, plausible in full or as far as `in` goes.
  static std::size_t resync(Bytes in);
};

}  // namespace telegen
