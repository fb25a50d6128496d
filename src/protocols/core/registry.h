// The one table of protocols. A row gives detection, sessions, the configuration key, the fuzz target and the
// documentation table their entry.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "protocols/core/session.h"

namespace telegen {

struct ProtocolSettings;  // protocols/core/settings.h

struct ProtocolRow {
  std::string_view name;        // "http1", also the label in metrics
  std::string_view title;       // "HTTP/1.x"
  std::string_view config_key;  // agent.tracing.<key> switches it
  Match (*recognise)(Bytes first);
  std::size_t (*resync)(Bytes in);
  std::unique_ptr<Session> (*make_session)(const Limits& limits, const ProtocolSettings& settings);
};

std::span<const ProtocolRow> protocol_registry();

}  // namespace telegen
