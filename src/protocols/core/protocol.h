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
#include "protocols/core/settings.h"
#include "protocols/core/types.h"

namespace telegen {

template <class P>
concept Protocol =
    requires(typename P::Shared& shared, typename P::Decoder d, typename P::Correlator c, typename P::Frame f,
             const Stretch& where, Bytes in, const Limits& limits, Direction direction, LossCause cause, Time now,
             ExchangeSink& out, const ProtocolSettings& settings) {
      // From the first bytes of a stream, or of what looks like the start of a message in one that is under way.
      { P::recognise(in) } -> std::same_as<Match>;
      // The settings outlive every session that was made with them.
      requires std::constructible_from<typename P::Shared, const ProtocolSettings&>;
      requires std::constructible_from<typename P::Decoder, typename P::Shared&, Direction>;
      requires std::constructible_from<typename P::Correlator, typename P::Shared&>;
      // Fills `f` on kFrame; views in `f` point into `in` and live until the next call. `in` is empty only directly
      // after a skip or a frame has ended; kNeedMore is the answer where there is nothing to say. Otherwise `f` comes
      // value-initialised (decoders need not clear it, which costs as much as reading a short head).
      { d.decode(in, limits, f) } -> std::same_as<Step>;
      // The stream breaks off inside a frame, of which `in` is the beginning: true where that was worth one, now in
      // `f`.
      { d.salvage(in, f) } -> std::same_as<bool>;
      // Bytes are missing here, outside any skip: true where the decoder knows how to go on behind them, because no
      // more than the end of the message that is under way can be in them. It gets no reset() then.
      { d.bridge() } -> std::same_as<bool>;
      d.reset();  // the stream position is lost; the next bytes start a message
      // The offset of the first place in `in` where a message may start; in.size() if there is none.
      { P::resync(in) } -> std::same_as<std::size_t>;
      c.on_frame(f, where, limits, out);
      // Bytes that may have held message boundaries are gone: a gap, or bytes dropped on the way to the next message.
      // Comes again for every further piece that is dropped.
      c.on_loss(direction, cause, now, out);
      c.on_bridge(direction, now);  // a gap that the decoder bridges; its bytes moved at `now`
      // As Session::on_tick.
      c.on_tick(now, limits, out);
      { c.wants_tick() } -> std::same_as<bool>;
      c.on_end(direction, now, out);  // this direction ended in order (FIN)
      c.on_close(now, out);           // the connection is gone; every request still open is finished
      c.on_handover(now, out);        // kEndOfProtocol: what is open will never be answered in this protocol
      { c.held_bytes() } -> std::same_as<std::size_t>;  // allocated for open requests
    };

}  // namespace telegen
