#include <cstdio>

#include "commands.h"
#include "control/config/printer.h"
#include "exit_code.h"
#include "load_rules.h"

namespace telegen::app {

int run_validate(const ValidateOptions& options) {
  const auto loaded = load_settings(with_rules(options.load));
  if (!loaded) {
    std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
    return exit_code(loaded.error().kind);
  }
  if (options.show) {
    std::fputs(to_yaml(loaded->settings, Secrets::kMask).c_str(), stdout);
  } else if (loaded->file.empty()) {
    std::puts("no configuration file; environment and defaults are valid");
  } else {
    std::printf("%s is valid\n", loaded->file.c_str());
  }
  return kSuccess;
}

}  // namespace telegen::app
