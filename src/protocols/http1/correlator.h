// Requests and responses of one connection, brought together in order (RFC 9112, section 9.3).
//
// The n-th response answers the n-th request, so a pair is right as long as no message was missed. After a loss:
//  - Response bytes lost: any number of responses may be gone, so every open request is given up (kGap). A response
//  that
//    had begun is reported with what is known of it, marked telegen.partial.
//  - A gap in which no more than the rest of one chunked message can be (Decoder::bridge) is no such loss. The end of
//    the message is its last chunk, if that is recognised; else it is settled by the next request, by silence or by the
//    close, at the time of the last byte seen, and marked telegen.partial.
//  - Request bytes lost: requests seen before the loss keep their places. Later ones are `unsure`: unseen requests may
//    stand before them.
//  - On a connection that does not pipeline, a request is sent only when all that went before was answered, so the next
//    response after an unsure request is its own, and pairing goes on at once.
//  - Once pipelining has been proven (a response begins while two requests are open, or two requests came in one chunk)
//    nothing can tell how many answers are owed after a loss: unsure requests, and all that follow on this connection,
//    are given up (kGap). Wrong pairs are worse than none.
#pragma once

#include <cstddef>
#include <vector>

#include "protocols/core/exchange.h"
#include "protocols/http1/decoder.h"

namespace telegen::http1 {

class Correlator {
 public:
  explicit Correlator(Shared& shared) : shared_(shared) {}
  void on_frame(const Frame& frame, const Stretch& where, const Limits& limits, ExchangeSink& out);
  void on_loss(Direction direction, LossCause cause, Time now, ExchangeSink& out);
  void on_bridge(Direction direction, Time now) { go_on_unframed(direction, now); }
  void on_tick(Time now, const Limits& limits, ExchangeSink& out);
  bool wants_tick() const { return open_count() > 0 && open_[first_].drifting; }
  void on_end(Direction direction, Time now, ExchangeSink& out);
  void on_close(Time now, ExchangeSink& out);
  void on_handover(Time now, ExchangeSink& out);
  std::size_t held_bytes() const;

 private:
  struct Open {
    Exchange exchange;
    Awaited awaits = Awaited::kOther;
    bool unsure = false;            // requests that were not seen may stand before it
    bool request_ended = false;     // its last byte was seen
    bool request_drifting = false;  // where it ends was lost: its end moves with the bytes
    bool answering = false;         // the response's head was seen
    bool drifting = false;          // answering, but where the response ends was lost: its end moves with the bytes
    std::uint64_t response_size = 0;
    bool response_sized = false;
  };

  http::Role role() const;
  std::size_t open_count() const { return open_.size() - first_; }
  Open& front() { return open_[first_]; }
  void pop();
  void await_next();
  void admit(const Frame& frame, const Stretch& where, const Limits& limits, ExchangeSink& out);
  void answer(const Frame& frame, const Stretch& where, ExchangeSink& out);
  void end_message(const Frame& frame, const Stretch& where, ExchangeSink& out);
  void go_on_unframed(Direction direction, Time now);
  void emit_front(Time end, ExchangeSink& out);
  void settle_drifting(ExchangeSink& out);
  void give_up_from(std::size_t index, LossCause cause, ExchangeSink& out);
  void prove_pipelining(ExchangeSink& out);
  void finish_all(Bytes why, bool response_ended, Time now, ExchangeSink& out);
  void set_response_size(const Frame& frame, const Stretch& where);

  Shared& shared_;
  std::vector<Open> open_;  // from first_ on, oldest first; the ones before were popped
  std::size_t first_ = 0;
  std::uint64_t next_number_ = 1;
  Time last_request_byte_;
  Time last_response_byte_;
  bool response_seen_ = false;
  bool unsure_ = false;  // a message may have been missed
};

}  // namespace telegen::http1
