#include "version.h"

#include <cstdio>

#include "commands.h"
#include "exit_code.h"

namespace telegen::app {

int run_version(const VersionOptions& options) {
  if (options.json)
    std::printf("{\"version\": \"%s\", \"revision\": \"%s\"}\n", kVersion, kRevision);
  else
    std::printf("telegen %s (%s)\n", kVersion, kRevision);
  return kSuccess;
}

}  // namespace telegen::app
