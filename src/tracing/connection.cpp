#include "tracing/connection.h"

#include <algorithm>
#include <utility>

#include "tracing/trial.h"

namespace telegen {
namespace {

constexpr std::size_t kLongestStart = 64;  // enough to recognise any protocol by

std::size_t index(Direction direction) { return static_cast<std::size_t>(direction); }

void mix(std::uint64_t& hash, std::uint64_t value) {  // the finaliser of MurmurHash3, over a running sum
  hash ^= value + 0x9e3779b97f4a7c15ULL + (hash << 6) + (hash >> 2);
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  hash ^= hash >> 33;
}

// A socket of family IPv6 may carry IPv4 (::ffff:a.b.c.d) while its peer is an IPv4 socket: both count as mapped.
std::array<std::uint8_t, 16> mapped(const SocketAddress& address) {
  if (address.family != AddressFamily::kIpv4) return address.bytes;
  std::array<std::uint8_t, 16> bytes{};
  bytes[10] = bytes[11] = 0xff;
  std::copy_n(address.bytes.begin(), 4, bytes.begin() + 12);
  return bytes;
}

bool is_loopback(const std::array<std::uint8_t, 16>& bytes) {
  constexpr std::array<std::uint8_t, 16> kLoopback6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return bytes == kLoopback6 || (bytes[10] == 0xff && bytes[11] == 0xff && bytes[12] == 127);
}

void mix_end(std::uint64_t& hash, const std::array<std::uint8_t, 16>& bytes, std::uint16_t port) {
  std::array<std::uint64_t, 2> words;
  static_assert(sizeof words == sizeof bytes);
  std::copy_n(reinterpret_cast<const char*>(bytes.data()), sizeof words, reinterpret_cast<char*>(words.data()));
  mix(hash, words[0]);
  mix(hash, words[1]);
  mix(hash, port);
}

}  // namespace

std::uint64_t exchange_key(const ConnectionEvent& ends, Direction request_direction, std::uint64_t position) {
  if (ends.local.family == AddressFamily::kNone || ends.local.family == AddressFamily::kUnix) return 0;
  const bool is_client = request_direction == Direction::kSent;
  const SocketAddress& client = is_client ? ends.local : ends.remote;
  const SocketAddress& server = is_client ? ends.remote : ends.local;
  const auto client_bytes = mapped(client);
  const auto server_bytes = mapped(server);
  std::uint64_t hash = static_cast<std::uint32_t>(position);
  mix_end(hash, client_bytes, client.port);
  mix_end(hash, server_bytes, server.port);
  if (is_loopback(server_bytes)) mix(hash, ends.netns);
  return hash == 0 ? 1 : hash;
}

void Connection::describe(const ConnectionEvent& event, Time now) {
  ends_ = event;
  last_activity_ = std::max(last_activity_, now);
  if (process_ == 0) process_ = event.process;
  if (event.under_way) return;
  for (const std::size_t direction : {0, 1})
    cursors_[direction].start(event.positions[direction], event.sequence_positions);
}

Duration Connection::take_queue_time() {
  if (std::exchange(queue_time_taken_, true) || ends_.established.ns == 0 || ends_.accepted < ends_.established)
    return {};
  return ends_.accepted - ends_.established;
}

void Connection::on_data(const DataEvent& event, Time now, const ProtocolChoice& protocols, ExchangeSink& out) {
  process_ = event.process;
  last_activity_ = now;
  if (handed_over_) return;
  const auto step = cursors_[index(event.direction)].advance(event.position, event.length, event.sequence_position);
  if (step.restarted && session_) {
    session_->on_close(now, out);
    session_.reset();
  }
  if (step.gap > 0) {
    starts_[index(event.direction)].bytes.clear();
    if (session_) session_->on_gap(event.direction, step.gap, step.position - step.gap, now, out);
  }
  const std::uint64_t hidden = event.length - event.head.size() - event.tail.size();
  std::uint64_t position = step.position;
  // Of the three pieces of a transfer (head, what was not captured, tail) leave out what was seen before.
  const std::uint64_t seen_head = std::min<std::uint64_t>(step.overlap, event.head.size());
  const std::uint64_t seen_hidden = std::min(step.overlap - seen_head, hidden);
  const std::uint64_t seen_tail = step.overlap - seen_head - seen_hidden;
  if (const Bytes head = event.head.substr(seen_head); !head.empty()) {
    feed(event.direction, head, position, now, protocols, out);
    position += head.size();
  }
  if (const std::uint64_t length = hidden - seen_hidden; length > 0) {
    starts_[index(event.direction)].bytes.clear();
    if (session_) session_->on_gap(event.direction, length, position, now, out);
    position += length;
  }
  if (const Bytes tail = event.tail.substr(seen_tail); !tail.empty() && session_) {
    feed(event.direction, tail, position, now, protocols, out);
  }
}

void Connection::feed(Direction direction, Bytes bytes, std::uint64_t position, Time now,
                      const ProtocolChoice& protocols, ExchangeSink& out) {
  if (!session_) return recognise(direction, bytes, position, now, protocols, out);
  session_->on_bytes(direction, bytes, position, now, out);
  end_session_if_handed_over();
}

void Connection::end_session_if_handed_over() {
  if (!session_->ended()) return;
  session_.reset();
  handed_over_ = true;
}

void Connection::recognise(Direction direction, Bytes bytes, std::uint64_t position, Time now,
                           const ProtocolChoice& protocols, ExchangeSink& out) {
  Start& start = starts_[index(direction)];
  if (start.bytes.empty()) {
    start.position = position;
    start.time = now;
  }
  const std::size_t held = start.bytes.size();
  start.bytes.append(bytes.substr(0, kLongestStart - std::min(held, kLongestStart)));
  bool may_be = false;
  for (const ProtocolRow* row : protocols.rows) {
    const Match match = row->recognise(start.bytes);
    may_be = may_be || match == Match::kMaybe;
    if (match != Match::kRequest && match != Match::kResponse) continue;
    protocol_ = row;
    session_ = row->make_session(protocols.limits, protocols.settings);
    const Start begun = std::exchange(start, {});
    return begin(direction, begun, held, bytes, position, now, out);
  }
  if (!may_be || start.bytes.size() >= kLongestStart) start.bytes.clear();
}

// The first bytes of a session: `held` of `start` came before `bytes`.
void Connection::begin(Direction direction, const Start& start, std::size_t held, Bytes bytes, std::uint64_t position,
                       Time now, ExchangeSink& out) {
  Trial trial;
  ExchangeSink& sink = seen_from_its_start() ? out : trial;
  if (held > 0) session_->on_bytes(direction, Bytes(start.bytes).substr(0, held), start.position, start.time, sink);
  session_->on_bytes(direction, bytes, position, now, sink);
  if (!seen_from_its_start()) {
    if (trial.failed() || session_->undecided(direction)) {
      session_.reset();
      return;
    }
    trial.repeat_to(out);
  }
  end_session_if_handed_over();
}

void Connection::on_end(Direction direction, Time now, ExchangeSink& out) {
  if (session_) session_->on_end(direction, now, out);
}

void Connection::on_tick(Time now, ExchangeSink& out) {
  if (session_) session_->on_tick(now, out);
}

void Connection::on_close(Time now, ExchangeSink& out) {
  if (session_) session_->on_close(now, out);
  session_.reset();
}

}  // namespace telegen
