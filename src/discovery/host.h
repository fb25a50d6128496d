// What is the same for every process of this host. Read once, at start.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"

namespace telegen {

struct HostInfo {
  std::string name;                      // host.name
  std::string id;                        // host.id: /etc/machine-id; empty: the host has none
  std::string arch;                      // host.arch: amd64, arm64, …
  std::string os_name;                   // os-release(5) NAME
  std::string os_version;                // VERSION_ID
  std::string os_description;            // PRETTY_NAME
  UnixTime boot;                         // start_ticks count from here
  std::uint64_t ticks_per_second = 100;  // of start_ticks (sysconf(_SC_CLK_TCK))
  bool operator==(const HostInfo&) const = default;
};

// `root` is put before /etc/machine-id and /etc/os-release ("" on a host, "/host" where it is mounted there).
HostInfo read_host(const std::string& root = "");

// Parts of it, pure.
std::string os_release_value(std::string_view os_release, std::string_view key);
std::string_view host_arch(std::string_view machine);  // of uname(2)

}  // namespace telegen
