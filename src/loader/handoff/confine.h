// What makes a process the worker: a user of its own, no capability, no way to gain any, and a closed list of system
// calls. In two steps, since the second forbids what the first needs.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace telegen {

struct WorkerUser {
  uid_t uid;
  gid_t gid;
  std::string name;
};

// The system user "telegen" if the host has one, else "nobody".
WorkerUser worker_user();

// Step 1, in the child before exec: groups, user, every capability set and the bounding set emptied, no_new_privs.
Result<void> drop_privileges(const WorkerUser& user);

// Step 2, first thing in the worker: the seccomp allow-list. What is not on it fails with EPERM. Holds for all threads
// that start later.
Result<void> restrict_system_calls();

}  // namespace telegen
