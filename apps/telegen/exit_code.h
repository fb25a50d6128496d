// What the process's exit code means; docs/commands.md has the table.
#pragma once

#include "base/result.h"

namespace telegen::app {

enum ExitCode : int { kSuccess = 0, kGeneral = 1, kConfiguration = 2, kBpf = 3, kPermission = 4, kExport = 5 };

inline int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kGeneral: return kGeneral;
    case ErrorKind::kConfiguration: return kConfiguration;
    case ErrorKind::kBpf: return kBpf;
    case ErrorKind::kPermission: return kPermission;
    case ErrorKind::kExport: return kExport;
  }
  return kGeneral;
}

}  // namespace telegen::app
