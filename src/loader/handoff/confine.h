// What makes a process the worker: a user of its own, no capability, no way to gain any, and a closed list of system
// calls. In two steps, since the second forbids what the first needs. And what the loader gives up once its probes run.
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

// Step 2, in the worker before its first other thread: the seccomp allow-list. What is not on it fails with EPERM.
// Holds for all threads that start later, in this process alone: it names its pid.
Result<void> restrict_system_calls();

// For the loader, after probes are loaded and attached and before it starts a worker: of its capabilities only those
// stay, in the effective, permitted and bounding sets, that supervising and answering a worker take. There is no way
// back. On kernels that answer no look-up without it, CAP_BPF is one of them. Holds for the calling thread and what it
// starts. A capability that it lacks is not asked for.
Result<void> keep_loader_capabilities();

}  // namespace telegen
