// Reading into the example, with the problems as the lines that a user sees.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/config/environment.h"
#include "control/config/load.h"
#include "example_settings.h"

namespace telegen::test {

using config::Problem;

inline std::vector<std::string> texts(const std::vector<Problem>& problems) {
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(to_text(problem));
  return lines;
}

inline std::vector<std::string> read(std::string_view yaml, Example& example, const Environment& environment = {}) {
  return texts(config::apply_yaml(yaml, "t.yaml", environment, declaration(example)));
}

inline std::vector<std::string> read(std::string_view yaml, const Environment& environment = {}) {
  Example example;
  return read(yaml, example, environment);
}

}  // namespace telegen::test
