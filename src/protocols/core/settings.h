// What users may set about protocols: part of the section `agent.tracing`. Only keys that act are declared.
#pragma once

#include <string>
#include <vector>

#include "base/settings.h"

namespace telegen {

struct ProtocolSettings {
  bool http = true;
  // Patterns for http.route, tried in order before a guess is made. "/users/{id}/orders/*": a segment in braces and a
  // `*` inside match one segment, a `*` at the end matches one or more.
  std::vector<std::string> routes;
};

// Visits the keys of `agent.tracing` that belong to protocols. The wiring calls it inside that section.
void describe(SettingsVisitor& visitor, ProtocolSettings& settings);

}  // namespace telegen
