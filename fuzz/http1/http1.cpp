// Feeds a session of HTTP/1 with a stream of operations and checks what must hold whatever it is fed. An operation is a
// byte (bits 0-2: what, bit 3: direction), a length byte, and for chunks that many bytes.
#include "protocols/http1/http1.h"

#include <cstdint>
#include <cstdlib>
#include <set>

#include "protocols/core/session_of.h"

namespace {

using namespace telegen;

constexpr Limits kLimits{.frame_bytes = 1024, .attribute_bytes = 128, .in_flight = 8};
// Two buffers of a frame and the chunk that overflowed it, and the open requests with attributes of limited size.
constexpr std::size_t kMostHeld = 2 * (kLimits.frame_bytes + 512) * 2 + 64 * 1024;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Checker final : ExchangeSink {
  void on_request(const RequestMark& mark, const TraceContext&) override { require(open.insert(mark.number).second); }
  void on_exchange(Exchange&& exchange) override {
    require(open.erase(exchange.request.number) == 1);
    require(exchange.end >= exchange.request.first_byte);
    require(!exchange.name.empty());
    std::set<std::string_view> keys;
    for (const Attribute& attribute : exchange.attributes) {
      require(keys.insert(attribute.key).second);
      const auto* text = std::get_if<std::string>(&attribute.value);
      require(text == nullptr || text->size() <= kLimits.attribute_bytes);
    }
  }
  void on_lost_request(const RequestMark& mark, LossCause) override { require(open.erase(mark.number) == 1); }
  void on_loss(Direction, LossCause, Time) override {}
  std::set<std::uint64_t> open;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ProtocolSettings settings{.routes = {"/a/{b}/*"}};
  SessionOf<Http1> session(kLimits, settings);
  Checker out;
  std::uint64_t positions[2] = {0, 0};
  Time now{1};
  Bytes in(reinterpret_cast<const char*>(data), size);
  bool closed = false;
  while (in.size() >= 2 && !closed) {
    const auto operation = static_cast<std::uint8_t>(in[0]);
    const std::size_t length = static_cast<std::uint8_t>(in[1]);
    in.remove_prefix(2);
    const Direction direction = (operation & 8) != 0 ? Direction::kSent : Direction::kReceived;
    std::uint64_t& position = positions[(operation & 8) != 0];
    now = now + Duration(1);
    switch (operation & 7) {
      case 0: session.on_gap(direction, length, position, now, out), position += length; break;
      case 1:  // lengths from 128 on: a silence of up to 6 s
        if (length < 128) {
          session.on_end(direction, now, out);
        } else {
          now = now + std::chrono::milliseconds((length - 128) * 48);
          session.on_tick(now, out);
        }
        break;
      case 2:
        session.on_close(now, out);
        closed = true;
        break;
      default: {
        const Bytes chunk = in.substr(0, length);
        session.on_bytes(direction, chunk, position, now, out);
        position += chunk.size();
        in.remove_prefix(chunk.size());
      }
    }
    require(session.held_bytes() <= kMostHeld);
    require(out.open.size() <= kLimits.in_flight);
  }
  session.on_close(now, out);
  require(out.open.empty());
  return 0;
}
