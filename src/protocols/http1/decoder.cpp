#include "protocols/http1/decoder.h"

#include <algorithm>

#include "protocols/core/text.h"

namespace telegen::http1 {
namespace {

constexpr std::size_t kMaxChunkLine = 4096;  // extensions included (RFC 9112, section 7.1.1 asks for a limit)
constexpr std::size_t kMaxChunkDigits = 15;  // a size that cannot overflow
constexpr Bytes kVersionStart = "HTTP/";
constexpr Bytes kLastChunk = "\r\n0\r\n\r\n";  // after the data of the one before it
constexpr std::size_t kLeastOfLastChunk = 5;   // without the CRLF of the one before it

}  // namespace

void Decoder::reset() {
  state_ = State::kStart;
  body_ = Body::kNone;
  sync_ = Sync::kLost;
  scanned_ = 0;
  length_ = 0;
  tail_.clear();
}

Step Decoder::decode(Bytes in, const Limits&, Frame& frame) {
  if (shared_.handed_over) return {Verdict::kEndOfProtocol, 0};
  switch (state_) {
    case State::kStart: return start(in, frame);
    case State::kPeek: return peek(in, frame);
    case State::kBody: return body();
    case State::kChunk: return chunk(in);
    case State::kTrailers: return trailers(in, frame);
    case State::kUnframed: return unframed(in, frame);
    case State::kEnd: return end(0, frame);
    case State::kBroken: break;
  }
  return {Verdict::kMalformed, in.size()};
}

bool Decoder::is_mine(bool request) const {
  if (!shared_.request_direction) return true;
  return (*shared_.request_direction == direction_) == request;
}

Step Decoder::start(Bytes in, Frame& frame) {
  if (in.empty()) return {Verdict::kNeedMore, 0};
  // Section 2.2: empty lines before a request line are ignored.
  if (in[0] == '\r' || in[0] == '\n') return {Verdict::kSkip, std::min(in.find_first_not_of("\r\n"), in.size())};
  if (sync_ == Sync::kSynced && scanned_ == 0) {  // the common case: a head in one piece where one is due
    const Parsed parsed = parse_head(in, frame.head);
    if (parsed.valid && parsed.size > 0 && is_mine(frame.head.is_request)) return head(in, parsed.size, frame);
  }
  return look_closer(in, frame);
}

Step Decoder::look_closer(Bytes in, Frame& frame) {
  const std::size_t size = find_head_end(in, scanned_);
  if (size == 0 || sync_ != Sync::kSynced) {
    const Match match = classify_start(in, sync_);
    const bool wrong = match == Match::kNo || (match == Match::kRequest && !is_mine(true)) ||
                       (match == Match::kResponse && !is_mine(false));
    if (wrong) {
      const std::size_t line = in.find('\n');
      return {Verdict::kMalformed, line == Bytes::npos ? in.size() : line + 1};
    }
    if (size == 0) return {Verdict::kNeedMore, 0};
  }
  frame = {};
  const bool valid = parse_head(in.substr(0, size), frame.head).valid && is_mine(frame.head.is_request);
  return valid ? head(in, size, frame) : Step{Verdict::kMalformed, size};
}

Body Decoder::response_body(const Head& head) const {
  // Section 6.3, rules 1 and 2.
  if (head.status < 200 || head.status == 204 || head.status == 304) return Body::kNone;
  if (shared_.awaited == Awaited::kHead) return Body::kNone;
  if (shared_.awaited == Awaited::kConnect && head.status < 300) return Body::kNone;
  return body_of(head);
}

void Decoder::learn_direction(bool request) {
  if (!shared_.request_direction) shared_.request_direction = request ? direction_ : opposite(direction_);
}

void Decoder::count_head() { ++shared_.heads[static_cast<std::size_t>(direction_)]; }

bool Decoder::hands_over(const Head& head) const {
  if (head.is_request) return false;
  return head.status == 101 || (shared_.awaited == Awaited::kConnect && head.status / 100 == 2);
}

Step Decoder::head(Bytes in, std::size_t size, Frame& frame) {
  const Head& head = frame.head;
  scanned_ = 0;
  sync_ = Sync::kSynced;
  learn_direction(head.is_request);
  const bool interim = !head.is_request && head.status < 200 && head.status != 101;
  frame.kind = head.is_request ? Frame::Kind::kRequest : interim ? Frame::Kind::kInterim : Frame::Kind::kResponse;
  body_ = head.is_request ? body_of(head) : response_body(head);
  if (hands_over(head)) shared_.handed_over = true;
  if (!interim) count_head();
  length_ = body_ == Body::kLength ? head.length : 0;
  frame.complete = body_ == Body::kNone;
  if (body_ == Body::kNone) {
    frame.size_known = head.is_request ? head.has_length : head.has_length && head.length == 0;
    return {Verdict::kFrame, size};
  }
  if (body_ == Body::kUnknown) {
    frame.partial = true;
    state_ = State::kBroken;
  } else if (!head.is_request && shared_.awaited == Awaited::kUnknown) {
    state_ = State::kPeek;
  } else if (body_ == Body::kLength && length_ <= in.size() - size) {
    frame.complete = frame.size_known = true;  // the common case: all of it is here
    frame.body_size = length_;
    return {Verdict::kFrame, size + static_cast<std::size_t>(length_)};
  } else {
    state_ = body_ == Body::kChunked ? State::kChunk : State::kBody;
  }
  return {Verdict::kFrame, size};
}

Step Decoder::peek(Bytes in, Frame& frame) {
  // The request is not known, so this may be an answer to HEAD, with the length but without the body.
  const std::size_t n = std::min(in.size(), kVersionStart.size());
  const bool next_message = in.substr(0, n) == kVersionStart.substr(0, n);
  if (next_message && n < kVersionStart.size()) return {Verdict::kNeedMore, 0};
  if (next_message) {
    state_ = State::kStart;
    return start(in, frame);
  }
  state_ = body_ == Body::kChunked ? State::kChunk : State::kBody;
  return state_ == State::kBody ? body() : chunk(in);
}

Step Decoder::body() {
  state_ = State::kEnd;
  if (body_ == Body::kUntilClose) return {Verdict::kSkip, kUntilClose};
  return {Verdict::kSkip, static_cast<std::size_t>(length_)};
}

// Section 7.1: chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF. Line, data and the data's CRLF are one skip.
Step Decoder::chunk(Bytes in) {
  std::size_t digits = 0;
  std::uint64_t size = 0;
  for (; digits < in.size() && digits <= kMaxChunkDigits && is_hex(in[digits]); ++digits) {
    size = size << 4 | static_cast<std::uint64_t>(hex_value(in[digits]));
  }
  const bool ended = digits < in.size();
  if (digits > kMaxChunkDigits || (ended && (digits == 0 || (in[digits] != ';' && !is_space(in[digits]))))) {
    return {Verdict::kMalformed, in.size()};
  }
  const std::size_t newline = in.substr(0, kMaxChunkLine).find('\n');
  if (newline == Bytes::npos) {
    return in.size() < kMaxChunkLine ? Step{Verdict::kNeedMore, 0} : Step{Verdict::kMalformed, in.size()};
  }
  if (size == 0) {
    state_ = State::kTrailers;
    return {Verdict::kSkip, newline + 1};
  }
  length_ += size;
  return {Verdict::kSkip, newline + 1 + static_cast<std::size_t>(size) + 2};
}

Step Decoder::trailers(Bytes in, Frame& frame) {
  const std::size_t newline = in.find('\n');
  if (newline == Bytes::npos) return {Verdict::kNeedMore, 0};
  if (newline == 0 || (newline == 1 && in[0] == '\r')) return end(newline + 1, frame);
  return {Verdict::kSkip, newline + 1};
}

Step Decoder::end(std::size_t consumed, Frame& frame) {
  state_ = State::kStart;
  frame.kind = Frame::Kind::kEnd;
  frame.partial = false;
  frame.complete = frame.size_known = true;
  frame.body_size = length_;
  frame.size_is_stretch = body_ == Body::kUntilClose;
  return {Verdict::kFrame, consumed};
}

// The other direction began a message after this one's framing was lost: a request, so that the response before it has
// ended unless the client pipelines; or a response, so that the request was complete unless it was answered early.
bool Decoder::moved_on() const { return shared_.heads[static_cast<std::size_t>(opposite(direction_))] != heads_then_; }

bool Decoder::bridge() {
  if (state_ != State::kChunk && state_ != State::kUnframed) return false;
  // Another message may be in the gap where more than one is under way, or could be by now.
  if (shared_.pipelined || shared_.open > 1 || (state_ == State::kUnframed && moved_on())) return false;
  if (shared_.request_direction != direction_ && shared_.awaited != Awaited::kUnknown) return false;
  if (state_ == State::kChunk) heads_then_ = shared_.heads[static_cast<std::size_t>(opposite(direction_))];
  state_ = State::kUnframed;
  tail_.clear();
  return true;
}

// The last chunk ends a transfer, and so a piece; where it is a transfer of its own after a gap, the CRLF before it may
// not be known. A body may quote HTTP, so a start line counts only at the beginning of a piece and once the other
// direction has moved on.
Step Decoder::unframed(Bytes in, Frame& frame) {
  if (in.empty()) return {Verdict::kNeedMore, 0};
  if (moved_on()) {
    const Match match = classify_start(in, Sync::kLost);
    const bool request = shared_.request_direction == direction_;
    if (match == Match::kMaybe || match == (request ? Match::kRequest : Match::kResponse)) {
      reset();
      return start(in, frame);
    }
    // More than the last chunk after a new request: the client pipelines, and a response may be anywhere in it.
    if (!request && in.size() > kLastChunk.size()) return {Verdict::kMalformed, 0};
  }
  tail_.append(in.substr(in.size() - std::min(in.size(), kLastChunk.size())));
  if (tail_.size() > kLastChunk.size()) tail_.erase(0, tail_.size() - kLastChunk.size());
  if (tail_.size() >= kLeastOfLastChunk && kLastChunk.ends_with(tail_)) {
    end(in.size(), frame);
    frame.size_known = false;
    reset();
    sync_ = Sync::kFresh;
  } else {
    frame.kind = Frame::Kind::kMore;
  }
  return {Verdict::kFrame, in.size()};
}

bool Decoder::salvage(Bytes in, Frame& frame) {
  if (state_ != State::kStart || shared_.handed_over) return false;
  frame = {};
  if (!parse_head(in, frame.head).valid || !is_mine(frame.head.is_request)) return false;
  learn_direction(frame.head.is_request);
  if (hands_over(frame.head)) {
    shared_.handed_over = true;
  } else if (!frame.head.is_request && frame.head.status < 200) {
    return false;
  }
  count_head();
  frame.kind = frame.head.is_request ? Frame::Kind::kRequest : Frame::Kind::kResponse;
  frame.partial = true;
  return true;
}

}  // namespace telegen::http1
