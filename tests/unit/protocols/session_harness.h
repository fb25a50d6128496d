// Feeds a session and writes down all that it says.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "protocols/core/session_of.h"
#include "protocols/core/settings.h"

namespace telegen::testing {

constexpr Direction kIn = Direction::kReceived;
constexpr Direction kOut = Direction::kSent;

struct Recorder final : ExchangeSink {
  void on_request(const RequestMark& mark, const TraceContext&) override { requests.push_back(mark); }
  void on_exchange(Exchange&& exchange) override { exchanges.push_back(std::move(exchange)); }
  void on_lost_request(const RequestMark& mark, LossCause cause) override { lost.emplace_back(mark, cause); }
  void on_loss(Direction direction, LossCause cause, Time) override { losses.emplace_back(direction, cause); }
  std::size_t count(LossCause cause) const {
    return static_cast<std::size_t>(
        std::count_if(losses.begin(), losses.end(), [&](const auto& loss) { return loss.second == cause; }));
  }

  std::vector<RequestMark> requests;
  std::vector<Exchange> exchanges;
  std::vector<std::pair<RequestMark, LossCause>> lost;
  std::vector<std::pair<Direction, LossCause>> losses;
};

inline std::string to_text(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return "?";
}

// Every attribute, by name.
inline std::map<std::string, std::string> attributes_of(const Exchange& exchange) {
  std::map<std::string, std::string> all;
  for (const Attribute& attribute : exchange.attributes) {
    if (!all.emplace(attribute.key, to_text(attribute.value)).second) all["DUPLICATE"] = attribute.key;
  }
  return all;
}

// Everything but times, on one line.
inline std::string summary(const Exchange& exchange) {
  std::string text = exchange.name + " @" + std::to_string(exchange.request.position) + " status" +
                     std::to_string(static_cast<int>(exchange.status)) + (exchange.context.valid() ? " ctx" : "");
  for (const auto& [key, value] : attributes_of(exchange)) text += " " + key + "=" + value;
  return text;
}

// A stream of two directions, fed piece by piece; the time advances by 1 µs a piece, positions are kept.
template <Protocol P>
class Feeder {
 public:
  explicit Feeder(Limits limits = {}, ProtocolSettings with = {})
      : settings(std::move(with)), session(limits, settings) {}
  Feeder& bytes(Direction direction, Bytes bytes) {
    now = now + Duration(1000);
    session.on_bytes(direction, bytes, position(direction), now, out);
    position(direction) += bytes.size();
    return *this;
  }
  Feeder& in(Bytes bytes) { return this->bytes(kIn, bytes); }
  Feeder& sent(Bytes bytes) { return this->bytes(kOut, bytes); }
  Feeder& gap(Direction direction, std::uint64_t length) {
    now = now + Duration(1000);
    session.on_gap(direction, length, position(direction), now, out);
    position(direction) += length;
    return *this;
  }
  Feeder& tick(Duration later) {
    now = now + later;
    session.on_tick(now, out);
    return *this;
  }
  Feeder& end(Direction direction) {
    now = now + Duration(1000);
    session.on_end(direction, now, out);
    return *this;
  }
  Feeder& close() {
    now = now + Duration(1000);
    session.on_close(now, out);
    return *this;
  }
  std::uint64_t& position(Direction direction) { return positions[static_cast<std::size_t>(direction)]; }

  ProtocolSettings settings;
  SessionOf<P> session;
  Recorder out;
  Time now{1'000'000};
  std::uint64_t positions[2] = {1000, 5000};
};

}  // namespace telegen::testing
