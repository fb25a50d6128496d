// What a protocol is. One folder under src/protocols/ and one row of the registry (registry.h); nothing else in the
// program names a protocol.
//
//   bytes ──► Session ──► P::Decoder (one a direction) ──► P::Frame ──► P::Correlator ──► Exchange ──► ExchangeSink
//
// All of it is pure: no clock, no I/O, no logging, no global. What both directions must know of each other (a HEAD
// request's response has no body) lives in P::Shared, which decoders and correlator of one connection have in common.
#pragma once

#include <concepts>

#include "protocols/core/exchange.h"
#include "protocols/core/types.h"

namespace telegen {

template <class P>
concept Protocol = requires(typename P::Shared& shared, typename P::Decoder d, typename P::Correlator c,
                            typename P::Frame f, const Stretch& where, Bytes in, Limits limits, Direction direction,
                            LossCause cause, Time now, ExchangeSink& out) {
  // From the first bytes of a stream, or of what looks like the start of a message in one that is under way.
  { P::recognise(in) } -> std::same_as<Match>;
  typename P::Decoder;     // constructed as Decoder(Shared&, Direction)
  typename P::Correlator;  // constructed as Correlator(Shared&)
  // Fills `f` on kFrame. Called with empty `in` only directly after a skip has ended.
  { d.decode(in, limits, f) } -> std::same_as<Step>;
  d.reset();  // the stream position is lost; the next bytes start a message
  // The offset of the first place in `in` where a message may start; in.size() if there is none.
  { P::resync(in) } -> std::same_as<std::size_t>;
  c.on_frame(std::move(f), where, limits, out);
  c.on_loss(direction, cause, now, out);  // bytes that may have held message boundaries are gone
  c.on_end(direction, now, out);          // this direction ended in order (FIN)
  c.on_close(now, out);                   // the connection is gone; every request still open is finished
};

}  // namespace telegen
