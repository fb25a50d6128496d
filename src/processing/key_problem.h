// What is wrong with one key of the configuration. Compiling rules collects all of these, so that a user sees every
// mistake in one run.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace telegen {

struct KeyProblem {
  std::string key;  // "pipeline.filter.exclude[1].status"
  std::string message;
};
using KeyProblems = std::vector<KeyProblem>;

// One error (kConfiguration) of a line for each.
Error to_error(const KeyProblems& problems);

}  // namespace telegen
