#include "protocols/http1/correlator.h"

#include <utility>

#include "protocols/http/semantics.h"

namespace telegen::http1 {
namespace {

constexpr std::size_t kCompactAt = 32;  // popped entries that are tolerated before the vector is moved together
constexpr Bytes kClosed = "connection_closed";

Awaited awaited_by(Bytes method) {
  if (method == "HEAD") return Awaited::kHead;
  return method == "CONNECT" ? Awaited::kConnect : Awaited::kOther;
}

}  // namespace

http::Role Correlator::role() const {
  return shared_.request_direction == Direction::kReceived ? http::Role::kServer : http::Role::kClient;
}

std::size_t Correlator::held_bytes() const {
  std::size_t sum = open_.capacity() * sizeof(Open);
  for (std::size_t i = first_; i < open_.size(); ++i) {
    const Exchange& exchange = open_[i].exchange;
    sum += exchange.attributes.capacity() * sizeof(Attribute) + exchange.name.capacity() +
           exchange.context.state.capacity();
    for (const Attribute& attribute : exchange.attributes) {
      if (const auto* text = std::get_if<std::string>(&attribute.value)) sum += text->capacity();
    }
  }
  return sum;
}

void Correlator::pop() {
  ++first_;
  if (first_ == open_.size()) {
    open_.clear();
    first_ = 0;
    if (open_.capacity() > kCompactAt) open_.shrink_to_fit();
  } else if (first_ >= kCompactAt && first_ * 2 >= open_.size()) {
    open_.erase(open_.begin(), open_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

// Tells the response decoder which request the next head answers.
void Correlator::await_next() {
  shared_.open = open_count();
  for (std::size_t i = first_; i < open_.size(); ++i) {
    if (open_[i].answering) continue;
    shared_.awaited = open_[i].awaits;
    return;
  }
  shared_.awaited = Awaited::kUnknown;
}

void Correlator::on_frame(const Frame& frame, const Stretch& where, const Limits& limits, ExchangeSink& out) {
  const bool request = shared_.request_direction == where.direction;
  if (!request) {
    last_response_byte_ = where.last_byte;
    response_seen_ = true;
  }
  switch (frame.kind) {
    case Frame::Kind::kRequest: admit(frame, where, limits, out); break;
    case Frame::Kind::kResponse: answer(frame, where, out); break;
    case Frame::Kind::kInterim: settle_drifting(out); break;
    case Frame::Kind::kEnd: end_message(frame, where, out); break;
    case Frame::Kind::kMore: go_on_unframed(where.direction, where.last_byte); break;
  }
  await_next();
}

void Correlator::admit(const Frame& frame, const Stretch& where, const Limits& limits, ExchangeSink& out) {
  settle_drifting(out);
  const RequestMark mark{next_number_++, where.direction, where.position, where.first_byte};
  const bool one_chunk = open_count() > 0 && where.first_byte <= last_request_byte_;
  last_request_byte_ = where.last_byte;
  if (one_chunk) prove_pipelining(out);
  TraceContext context = http::context_of(frame.head.request);
  out.on_request(mark, context);
  // A response that came after this request had begun, but before its head was known, answers something else.
  const bool overtaken = response_seen_ && last_response_byte_ >= where.first_byte && (frame.partial || unsure_);
  if ((shared_.pipelined && unsure_) || overtaken) {
    unsure_ = true;
    return out.on_lost_request(mark, LossCause::kGap);
  }
  if (open_count() >= limits.in_flight) {
    unsure_ = true;
    return out.on_lost_request(mark, LossCause::kTableFull);
  }
  Open& open = open_.emplace_back();
  open.unsure = unsure_;
  open.awaits = awaited_by(frame.head.request.method);
  open.request_ended = frame.complete;
  open.exchange.request = mark;
  open.exchange.context = std::move(context);
  open.exchange.request_end = where.last_byte;
  http::describe_request(frame.head.request, role(), shared_.settings, limits.attribute_bytes, open.exchange);
  if (frame.partial) http::mark_partial(open.exchange);
  if (frame.complete && frame.size_known) http::describe_size("http.request.body.size", frame.body_size, open.exchange);
}

void Correlator::answer(const Frame& frame, const Stretch& where, ExchangeSink& out) {
  settle_drifting(out);
  // A head while the front is still being answered: its end was not seen, which on_loss has dealt with; so two open
  // requests here are two that await an answer.
  if (open_count() >= 2) prove_pipelining(out);
  if (open_count() == 0) {
    unsure_ = true;
    return out.on_loss(where.direction, LossCause::kUnmatched, where.first_byte);
  }
  Open& open = front();
  open.answering = true;
  open.exchange.response_start = where.first_byte;
  if (!open.request_ended && !open.request_drifting) open.exchange.request_end = where.first_byte;
  http::describe_response(frame.head.status, role(), open.exchange);
  if (frame.partial) {
    http::mark_partial(open.exchange);
    open.drifting = true;
    open.exchange.end = where.last_byte;
    return;
  }
  set_response_size(frame, where);
  if (frame.complete) emit_front(where.last_byte, out);
}

void Correlator::set_response_size(const Frame& frame, const Stretch& where) {
  front().response_sized = frame.complete && frame.size_known;
  front().response_size = frame.size_is_stretch ? where.bytes : frame.body_size;
}

void Correlator::end_message(const Frame& frame, const Stretch& where, ExchangeSink& out) {
  if (shared_.request_direction != where.direction) {
    if (open_count() == 0 || !front().answering) return;  // of a response that nobody waited for
    set_response_size(frame, where);
    return emit_front(where.last_byte, out);
  }
  last_request_byte_ = where.last_byte;
  // The request that ends is the last one that began; it may have been answered already, or given up.
  if (open_count() == 0 || open_.back().exchange.request.number + 1 != next_number_) return;
  Open& open = open_.back();
  open.request_ended = true;
  open.exchange.request_end = where.last_byte;
  if (frame.size_known) http::describe_size("http.request.body.size", frame.body_size, open.exchange);
}

void Correlator::go_on_unframed(Direction direction, Time now) {
  if (shared_.request_direction != direction) {
    last_response_byte_ = now;
    if (open_count() == 0 || !front().answering) return;
    front().drifting = true;
    front().exchange.end = now;
    return;
  }
  last_request_byte_ = now;
  if (open_count() == 0 || open_.back().exchange.request.number + 1 != next_number_) return;
  open_.back().request_drifting = true;
  open_.back().exchange.request_end = now;
}

void Correlator::on_tick(Time now, const Limits& limits, ExchangeSink& out) {
  if (!wants_tick() || now < front().exchange.end + limits.silence) return;
  settle_drifting(out);
  await_next();
}

void Correlator::emit_front(Time end, ExchangeSink& out) {
  Open& open = front();
  open.exchange.end = end;
  if (open.response_sized) http::describe_size("http.response.body.size", open.response_size, open.exchange);
  out.on_exchange(std::move(open.exchange));
  pop();
}

void Correlator::settle_drifting(ExchangeSink& out) {
  if (open_count() == 0 || !front().drifting) return;
  http::mark_partial(front().exchange);
  emit_front(front().exchange.end, out);
}

void Correlator::give_up_from(std::size_t index, LossCause cause, ExchangeSink& out) {
  for (std::size_t i = index; i < open_.size(); ++i) out.on_lost_request(open_[i].exchange.request, cause);
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(index), open_.end());
  if (first_ == open_.size()) {
    open_.clear();
    first_ = 0;
  }
}

void Correlator::prove_pipelining(ExchangeSink& out) {
  shared_.pipelined = true;
  std::size_t index = first_;
  while (index < open_.size() && (!open_[index].unsure || open_[index].answering)) ++index;
  give_up_from(index, LossCause::kGap, out);
}

void Correlator::on_loss(Direction direction, LossCause cause, Time now, ExchangeSink& out) {
  if (!shared_.request_direction) return;  // nothing was ever open
  unsure_ = true;
  if (*shared_.request_direction == direction) return;
  if (open_count() > 0 && front().answering) {
    http::mark_partial(front().exchange);
    front().drifting = true;
    front().exchange.end = now;
    give_up_from(first_ + 1, cause, out);
  } else {
    give_up_from(first_, cause, out);
  }
  await_next();
}

void Correlator::finish_all(Bytes why, bool response_ended, Time now, ExchangeSink& out) {
  while (open_count() > 0) {
    Open& open = front();
    if (open.drifting) {
      settle_drifting(out);
      continue;
    }
    if (open.answering) {
      http::mark_partial(open.exchange);
      if (response_ended) http::describe_failure(why, open.exchange);
    } else {
      http::describe_failure(why, open.exchange);
    }
    emit_front(now, out);
  }
  await_next();
}

void Correlator::on_end(Direction direction, Time now, ExchangeSink& out) {
  // A client that has said all it had to say still reads; a server that has will answer nothing more.
  if (shared_.request_direction == opposite(direction)) finish_all(kClosed, true, now, out);
}

void Correlator::on_close(Time now, ExchangeSink& out) { finish_all(kClosed, false, now, out); }

void Correlator::on_handover(Time, ExchangeSink& out) {
  settle_drifting(out);
  give_up_from(first_, LossCause::kUnmatched, out);
}

}  // namespace telegen::http1
