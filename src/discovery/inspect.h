// One process, looked at: /proc in, ProcessInfo out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "discovery/executable.h"
#include "discovery/host.h"
#include "discovery/proc_files.h"
#include "discovery/process_info.h"

namespace telegen {

// What inspecting needs. One thread at a time.
struct Inspector {
  std::string proc_root;  // "/proc"
  const HostInfo* host = nullptr;
  PrivilegedProc* privileged = nullptr;
  ExecutableCache* executables = nullptr;
};

// Fails where the process is gone, or was replaced by another with the same pid while it was read. One that ends while
// it is read, or has not been waited for yet, gives what could be read and is `partial`. What only privileged files
// tell stays empty where they cannot be read. In the middle of an execve the new executable is there already and `args`
// are still empty: look again.
Result<ProcessInfo> inspect_process(const Inspector& inspector, std::uint32_t pid, bool with_ports);

// A child that has not executed anything: its parent's facts under its own pid.
ProcessInfo inspect_fork(const Inspector& inspector, const ProcessInfo& parent, std::uint32_t child);

// What can still be said of a process that executed `path` at `now` and is gone. `before`: what it was until then, null
// if not known; its place in the system stays, its program and environment do not.
ProcessInfo ended_process(const Inspector& inspector, std::uint32_t pid, const ProcessInfo* before,
                          std::string_view path, Time now);

// Where a partial process was before its exec, as far as it could not be read any more: an exec changes none of it.
void add_place_before(const ProcessInfo& before, ProcessInfo& out);
// Names a partial process by what it executed, where its executable could not be read. An empty path says nothing.
void add_executed_path(std::string_view path, ProcessInfo& out);

// TCP ports that a process listens on. For processes in scope only: it reads their descriptors.
Result<std::vector<std::uint16_t>> listening_ports(PrivilegedProc& privileged, std::uint32_t pid);

}  // namespace telegen
