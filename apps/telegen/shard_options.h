// What the settings mean for a shard: the same for the worker and for replay.
#pragma once

#include "control/config/settings.h"
#include "tracing/shard.h"

namespace telegen::app {

inline bool is_enabled(const ProtocolRow& row, const ProtocolSettings& settings) {
  return row.config_key != "http" || settings.http;
}

inline ShardOptions shard_options(const Settings& settings) {
  ShardOptions options;
  options.tracing = settings.agent.tracing;
  options.protocols.settings = settings.agent.protocols;
  options.connections = static_cast<std::size_t>(settings.agent.ebpf.connections);
  for (const ProtocolRow& row : protocol_registry()) {
    if (is_enabled(row, settings.agent.protocols)) options.protocols.rows.push_back(&row);
  }
  return options;
}

}  // namespace telegen::app
