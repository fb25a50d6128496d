// What discovery knows of one process. A plain value; an empty field is unknown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "discovery/cgroup.h"
#include "discovery/runtime.h"

namespace telegen {

using StringPairs = std::vector<std::pair<std::string, std::string>>;

// service.* of a process (interface.md, "service.name").
struct ServiceIdentity {
  std::string name;         // never empty once a process was inspected
  std::string name_space;   // service.namespace
  std::string version;      // service.version
  std::string instance_id;  // service.instance.id
  bool name_given = false;  // by the process's own environment or the agent's configuration, not derived
  bool operator==(const ServiceIdentity&) const = default;
};

struct ProcessInfo {
  std::uint32_t pid = 0;  // in the pid namespace of the /proc that was read
  std::uint32_t parent = 0;
  std::uint64_t start_ticks = 0;  // clock ticks after boot: with pid, what names a process
  UnixTime start;
  std::string name;  // comm
  bool kernel_thread = false;
  bool partial = false;  // it ended before all of it could be read
  std::uint32_t effective_uid = 0;
  std::uint32_t inner_pid = 0;    // in its own pid namespace
  std::string exe_path;           // as the process sees it, without " (deleted)"; partial: as it was executed
  std::vector<std::string> args;  // at most about 4 KiB together: long ones are cut first, then the last are dropped
  std::vector<CgroupMembership> cgroups;
  ContainerRef container;
  std::uint64_t net_namespace = 0;  // inode number
  Runtime runtime;
  bool sends_otlp_traces = false;   // an OpenTelemetry agent or exporter is in it and not switched off
  StringPairs resource_attributes;  // OTEL_RESOURCE_ATTRIBUTES, decoded
  ServiceIdentity service;
  std::optional<std::vector<std::uint16_t>> listening_ports;  // sorted; nullopt: not looked at
  std::optional<bool> io_uring;                               // it has a ring; nullopt: not looked at
  bool operator==(const ProcessInfo&) const = default;
};

}  // namespace telegen
