#include "processing/key_problem.h"

namespace telegen {

Error to_error(const KeyProblems& problems) {
  std::string message;
  for (const auto& [key, what] : problems) {
    if (!message.empty()) message += '\n';
    message.append(key).append(": ").append(what);
  }
  return {ErrorKind::kConfiguration, 0, std::move(message)};
}

}  // namespace telegen
