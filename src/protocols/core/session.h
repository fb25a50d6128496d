// One connection's protocol state, type-erased once. Owns the buffers, applies limits, turns gaps into losses.
// One thread at a time.
#pragma once

#include <memory>

#include "protocols/core/exchange.h"
#include "protocols/core/types.h"

namespace telegen {

class Session {
 public:
  virtual ~Session() = default;
  // The next bytes of one direction; `position` is that of the first. The caller has removed overlaps and reported the
  // gap before them, if any.
  virtual void on_bytes(Direction direction, Bytes bytes, std::uint64_t position, Time now, ExchangeSink& out) = 0;
  // `length` bytes that were sent or received but not captured. Costs nothing where the decoder is skipping anyway.
  virtual void on_gap(Direction direction, std::uint64_t length, std::uint64_t position, Time now,
                      ExchangeSink& out) = 0;
  virtual void on_end(Direction direction, Time now, ExchangeSink& out) = 0;
  virtual void on_close(Time now, ExchangeSink& out) = 0;
  // Finishes what has no end that could be seen, once its direction has been silent for Limits::silence. To be called
  // about once a second while wants_tick(); without it such an exchange waits for the next message or the close.
  virtual void on_tick(Time now, ExchangeSink& out) = 0;
  virtual bool wants_tick() const = 0;
  virtual std::size_t held_bytes() const = 0;  // allocated for this connection's buffers and requests
  // The bytes of this direction so far do not end with a whole message, or are none: some wait for what follows.
  virtual bool undecided(Direction direction) const = 0;
  virtual bool ended() const = 0;  // the protocol handed off (an upgrade): feed it no more
};

}  // namespace telegen
