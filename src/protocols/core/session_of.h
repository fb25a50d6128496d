// The session of any protocol: buffers, skips, gaps and resynchronisation, written once.
//
// A direction is always in one of three states: decoding (bytes go to the decoder), skipping (the decoder said how many
// bytes hold nothing; gaps inside cost nothing), or lost (bytes are dropped until P::resync finds a message start). A
// whole frame in one chunk is decoded where it lies; only the beginning of a frame whose end is yet to come is copied,
// and its memory is given back as soon as the frame is complete.
#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "protocols/core/protocol.h"
#include "protocols/core/session.h"

namespace telegen {

template <Protocol P>
class SessionOf final : public Session {
 public:
  SessionOf(const Limits& limits, const ProtocolSettings& settings)
      : limits_(limits),
        shared_(settings),
        flows_{Flow(shared_, Direction::kReceived), Flow(shared_, Direction::kSent)},
        correlator_(shared_) {}
  SessionOf(const SessionOf&) = delete;
  SessionOf& operator=(const SessionOf&) = delete;

  void on_bytes(Direction direction, Bytes bytes, std::uint64_t position, Time now, ExchangeSink& out) override {
    if (ended_ || bytes.empty()) return;
    Flow& flow = flow_of(direction);
    flow.position = position - flow.held.size();
    bool skipped = false;
    if (flow.skip > 0) {
      bytes.remove_prefix(take_skip(flow, bytes.size(), now));
      if (flow.skip > 0) return;
      skipped = true;
    }
    if (flow.held.empty()) {
      const std::size_t used = decode(flow, bytes, now, skipped, out);
      if (ended_) return;
      keep(flow, bytes.substr(used), now, out);
    } else {
      flow.held.append(bytes);
      std::string whole = std::move(flow.held);
      flow.held.clear();
      const std::size_t used = decode(flow, whole, flow.held_since, skipped, out, now);
      if (ended_) return;
      if (used > 0) flow.held_since = now;
      whole.erase(0, used);
      flow.held = std::move(whole);
      if (flow.held.empty()) release(flow);
      break_off_if_too_long(flow, now, out);
    }
  }

  void on_gap(Direction direction, std::uint64_t length, std::uint64_t position, Time now, ExchangeSink& out) override {
    if (ended_ || length == 0) return;
    Flow& flow = flow_of(direction);
    flow.position = position - flow.held.size();
    if (flow.skip > 0) {
      length -= take_skip(flow, length, now);
      if (flow.skip > 0) return;
      decode(flow, {}, now, true, out);  // what follows the skip may be a frame of no bytes
      if (ended_) return;
      if (flow.skip > 0) return on_gap(direction, length, flow.position, now, out);
      if (length == 0) return;
    }
    break_off(flow, LossCause::kGap, now, out);
    flow.position += length;
  }

  void on_end(Direction direction, Time now, ExchangeSink& out) override {
    if (ended_) return;
    end_open_skip(flow_of(direction), out);
    if (!ended_) correlator_.on_end(direction, now, out);
  }

  void on_close(Time now, ExchangeSink& out) override {
    if (ended_) return;
    for (Flow& flow : flows_) {
      if (!ended_) end_open_skip(flow, out);
    }
    if (!ended_) correlator_.on_close(now, out);
    end();
  }

  void on_tick(Time now, ExchangeSink& out) override { correlator_.on_tick(now, limits_, out); }
  bool wants_tick() const override { return correlator_.wants_tick(); }

  std::size_t held_bytes() const override {
    std::size_t sum = correlator_.held_bytes();
    for (const Flow& flow : flows_) {
      if (flow.held.capacity() > std::string().capacity()) sum += flow.held.capacity();
    }
    return sum;
  }

  bool undecided(Direction direction) const override {
    const Flow& flow = flows_[static_cast<std::size_t>(direction)];
    return flow.lost || !flow.held.empty();
  }

  bool ended() const override { return ended_; }

 private:
  struct Flow {
    Flow(typename P::Shared& shared, Direction d) : decoder(shared, d), direction(d) {}
    typename P::Decoder decoder;
    Direction direction;
    bool lost = false;
    std::size_t skip = 0;
    std::uint64_t position = 0;  // of the first byte not consumed
    std::uint64_t skipped = 0;   // since the last frame
    Time last_byte;              // of the last byte consumed
    Time held_since;             // when the first byte in `held` came
    std::string held;
  };

  Flow& flow_of(Direction direction) { return flows_[static_cast<std::size_t>(direction)]; }
  static void release(Flow& flow) { std::string().swap(flow.held); }

  void end() {
    ended_ = true;
    for (Flow& flow : flows_) release(flow);
  }

  // Consumes as much of `length` as the current skip covers.
  static std::size_t take_skip(Flow& flow, std::uint64_t length, Time now) {
    const std::size_t taken = static_cast<std::size_t>(std::min<std::uint64_t>(flow.skip, length));
    if (flow.skip != kUntilClose) flow.skip -= taken;
    flow.position += taken;
    flow.skipped += taken;
    flow.last_byte = now;
    return taken;
  }

  // A skip that lasts until the stream ends has ended.
  void end_open_skip(Flow& flow, ExchangeSink& out) {
    if (flow.skip != kUntilClose) return;
    flow.skip = 0;
    decode(flow, {}, flow.last_byte, true, out);
  }

  void keep(Flow& flow, Bytes rest, Time now, ExchangeSink& out) {
    if (rest.empty()) return;
    flow.held.assign(rest);
    flow.held_since = now;
    break_off_if_too_long(flow, now, out);
  }

  void break_off_if_too_long(Flow& flow, Time now, ExchangeSink& out) {
    if (flow.held.size() > limits_.frame_bytes) break_off(flow, LossCause::kGap, now, out);
  }

  // The stream is interrupted: what is held can never be completed.
  void break_off(Flow& flow, LossCause cause, Time now, ExchangeSink& out) {
    if (!flow.held.empty()) {
      typename P::Frame frame{};
      if (!flow.lost && flow.decoder.salvage(flow.held, frame)) {
        const Stretch where{flow.direction, flow.position, flow.held.size() + flow.skipped, flow.held_since, now};
        correlator_.on_frame(frame, where, limits_, out);
      }
      flow.position += flow.held.size();
      release(flow);
    }
    if (flow.lost || !flow.decoder.bridge()) return lose(flow, cause, now, out);
    flow.last_byte = now;
    flow.skipped = 0;
    correlator_.on_bridge(flow.direction, now);
  }

  void lose(Flow& flow, LossCause cause, Time now, ExchangeSink& out) {
    if (!flow.lost) out.on_loss(flow.direction, cause, now);
    flow.lost = true;
    flow.skip = 0;
    flow.skipped = 0;
    flow.last_byte = now;
    flow.decoder.reset();
    correlator_.on_loss(flow.direction, cause, now, out);
  }

  // Returns false when all of `rest` was dropped.
  bool find_start(Flow& flow, Bytes rest, std::size_t& used, Time now, ExchangeSink& out) {
    const std::size_t dropped = P::resync(rest);
    used += dropped;
    flow.position += dropped;
    if (dropped > 0) correlator_.on_loss(flow.direction, LossCause::kMalformed, now, out);
    if (dropped == rest.size()) return false;
    flow.lost = false;
    return true;
  }

  std::size_t deliver(Flow& flow, typename P::Frame& frame, std::size_t size, Time first_byte, Time now,
                      ExchangeSink& out) {
    if (size > 0) flow.last_byte = now;
    const Stretch where{flow.direction, flow.position, size + flow.skipped, size > 0 ? first_byte : flow.last_byte,
                        flow.last_byte};
    flow.skipped = 0;
    flow.position += size;
    correlator_.on_frame(frame, where, limits_, out);
    return size;
  }

  // Returns how much of `in` was consumed. `first` is the time of in's first byte, `now` that of its last; both are the
  // same unless bytes were held. `again`: a skip has just ended, so the decoder may have something to say about
  // nothing.
  std::size_t decode(Flow& flow, Bytes in, Time first, bool again, ExchangeSink& out) {
    return decode(flow, in, first, again, out, first);
  }
  std::size_t decode(Flow& flow, Bytes in, Time first, bool again, ExchangeSink& out, Time now) {
    std::size_t used = 0;
    bool after_skip = again;
    typename P::Frame frame{};
    bool stale = false;  // the frame
    while (used < in.size() || again) {
      if (flow.lost && (in.size() == used || !find_start(flow, in.substr(used), used, now, out))) return in.size();
      const Bytes rest = in.substr(used);
      const Time first_byte = used == 0 ? first : now;
      if (stale && !rest.empty()) frame = {};
      Step step = flow.decoder.decode(rest, limits_, frame);
      const bool idle = step.verdict == Verdict::kSkip || (step.verdict == Verdict::kFrame && !after_skip);
      if (step.consumed == 0 && idle) step = {Verdict::kMalformed, rest.size()};  // no decoder may stand still
      after_skip = false;
      stale = step.verdict != Verdict::kSkip;
      switch (step.verdict) {
        case Verdict::kFrame:
          used += deliver(flow, frame, std::min(step.consumed, rest.size()), first_byte, now, out);
          again = true;
          break;
        case Verdict::kSkip:
          flow.skip = step.consumed;
          used += take_skip(flow, rest.size(), now);
          if (flow.skip > 0) return in.size();
          again = after_skip = true;
          break;
        case Verdict::kNeedMore: return used;
        case Verdict::kMalformed: {
          const std::size_t size = std::min(step.consumed, rest.size());
          used += size;
          flow.position += size;
          lose(flow, LossCause::kMalformed, now, out);
          again = false;
          break;
        }
        case Verdict::kEndOfProtocol:
          correlator_.on_handover(now, out);
          end();
          return in.size();
      }
    }
    return used;
  }

  Limits limits_;
  typename P::Shared shared_;
  std::array<Flow, 2> flows_;
  typename P::Correlator correlator_;
  bool ended_ = false;
};

}  // namespace telegen
