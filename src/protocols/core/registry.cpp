#include "protocols/core/registry.h"

#include <array>

#include "protocols/core/session_of.h"
#include "protocols/http1/http1.h"

namespace telegen {
namespace {

template <Protocol P>
std::unique_ptr<Session> make_session(const Limits& limits, const ProtocolSettings& settings) {
  return std::make_unique<SessionOf<P>>(limits, settings);
}

template <Protocol P>
constexpr ProtocolRow row(std::string_view name, std::string_view title, std::string_view config_key) {
  return {name, title, config_key, &P::recognise, &P::resync, &make_session<P>};
}

constexpr std::array kRows = {
    row<Http1>("http1", "HTTP/1.x", "http"),
};

}  // namespace

std::span<const ProtocolRow> protocol_registry() { return kRows; }

}  // namespace telegen
