// The configuration section `discovery`, as written. compile_selection turns it into rules.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/settings.h"

namespace telegen {

// One entry of `instrument` or `exclude_instrument`. Its keys are ANDed; an empty key is not asked for.
struct SelectorSettings {
  std::string open_ports;              // "80,8000-8999"
  std::string exe_path;                // glob
  std::string cmdline;                 // glob over the arguments joined by blanks
  std::vector<std::string> pids;       // decimal
  std::string cgroup;                  // "/telegen-test" or its folder; what is below counts
  std::string netns;                   // inode number, "net:[4026531840]", or a path such as /run/netns/blue
  std::vector<std::string> languages;  // go, java, python, …
  bool containers_only = false;
  std::string service_name;  // `instrument` only: overrides what was found out
  bool operator==(const SelectorSettings&) const = default;
};

struct DiscoverySettings {
  std::vector<SelectorSettings> instrument;  // empty: every process but the excluded
  std::vector<SelectorSettings> exclude_instrument;
  bool default_exclude = true;
  bool exclude_otel_instrumented = true;
  bool operator==(const DiscoverySettings&) const = default;
};

void describe(SettingsVisitor& visitor, DiscoverySettings& settings);

// `--instrument KEY=VALUE` makes one entry with one key; lists (pids, languages) take commas.
Result<SelectorSettings> parse_instrument_option(std::string_view option);

}  // namespace telegen
