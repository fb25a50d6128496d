// Puts a tree of values into the settings, by their declaration: the one place where keys, types and bounds are
// checked, whatever the source is.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings.h"
#include "control/config/document.h"
#include "control/config/environment.h"
#include "control/config/problem.h"

namespace telegen::config {

struct Position {
  std::string source;
  int line = 0;
};
using Positions = std::map<std::string, Position, std::less<>>;  // path → where its value was given last

struct Source {
  std::string name;
  const Environment* references = nullptr;  // null: ${…} is not expanded (the environment's and options' own values)
};

// Values that are wrong leave the setting as it was. `positions` learns where each key was given.
void apply(const Node& root, const Source& source, const SettingsVisitor::Body& declaration,
           std::vector<Problem>& problems, Positions& positions);

}  // namespace telegen::config
