#include "discovery/settings.h"

#include <algorithm>

#include "discovery/runtime.h"
#include "discovery/text.h"

namespace telegen {
namespace {

void describe_selector(SettingsVisitor& visitor, SelectorSettings& entry, bool names_service) {
  FieldRules languages;
  for (std::uint8_t i = 1; i < kLanguageCount; ++i) languages.choices.push_back(to_text(static_cast<Language>(i)));
  visitor.field("open_ports", entry.open_ports, "TCP ports that the process listens on, such as 80,8000-8999.");
  visitor.field("exe_path", entry.exe_path, "Glob over the path of the executable; `*` also matches `/`.");
  visitor.field("cmdline", entry.cmdline, "Glob over the arguments joined by blanks (about the first 4 KiB of them).");
  visitor.field("pids", entry.pids, "Process ids, any of them.");
  visitor.field("cgroup", entry.cgroup, "A control group, by its path or its folder; groups below it count.");
  visitor.field("netns", entry.netns, "A network namespace: inode number, net:[…] or a path such as /run/netns/blue.");
  visitor.field("languages", entry.languages, "Language runtimes, any of them.", languages);
  visitor.field("containers_only", entry.containers_only, "Only processes in containers.");
  if (!names_service) return;
  visitor.field("service_name", entry.service_name, "The service.name of what this entry selects.");
}

void describe_list(SettingsVisitor& visitor, std::string_view key, std::string_view doc,
                   std::vector<SelectorSettings>& entries, bool names_service) {
  visitor.list(key, doc,
               {[&entries] { return entries.size(); }, [&entries](std::size_t n) { entries.assign(n, {}); },
                [&entries, names_service](std::size_t i, SettingsVisitor& entry) {
                  describe_selector(entry, entries.at(i), names_service);
                }});
}

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string_view item : split(text, ',')) out.emplace_back(trim(item));
  return out;
}

}  // namespace

void describe(SettingsVisitor& visitor, DiscoverySettings& settings) {
  visitor.section("discovery", "Which processes are instrumented.", [&settings](SettingsVisitor& section) {
    describe_list(section, "instrument",
                  "Processes to instrument: those for which all keys of any entry hold. Empty: all but the excluded.",
                  settings.instrument, true);
    describe_list(section, "exclude_instrument", "Processes never to instrument, in the same form.",
                  settings.exclude_instrument, false);
    section.field("default_exclude", settings.default_exclude,
                  "Leave out the agent itself, OpenTelemetry collectors and other agents.");
    section.field("exclude_otel_instrumented", settings.exclude_otel_instrumented,
                  "Leave out processes in which an OpenTelemetry agent already sends traces.");
  });
}

Result<SelectorSettings> parse_instrument_option(std::string_view option) {
  const std::size_t equals = option.find('=');
  if (equals == std::string_view::npos) {
    return fail("--instrument " + std::string(option) + ": expected KEY=VALUE", ErrorKind::kConfiguration);
  }
  const std::string_view key = trim(option.substr(0, equals)), value = trim(option.substr(equals + 1));
  const auto refuse = [&](std::string_view why) {
    return fail("--instrument " + std::string(option) + ": " + std::string(why), ErrorKind::kConfiguration);
  };
  SelectorSettings entry;
  if (value.empty()) return refuse("the value is empty");
  if (key == "open_ports") {
    entry.open_ports = value;
  } else if (key == "exe_path") {
    entry.exe_path = value;
  } else if (key == "cmdline") {
    entry.cmdline = value;
  } else if (key == "pids") {
    entry.pids = list_of(value);
  } else if (key == "cgroup") {
    entry.cgroup = value;
  } else if (key == "netns") {
    entry.netns = value;
  } else if (key == "languages") {
    entry.languages = list_of(value);
  } else if (key == "containers_only") {
    if (value != "true") return refuse("only containers_only=true selects anything");
    entry.containers_only = true;
  } else {
    return refuse("unknown key '" + std::string(key) +
                  "'; known are open_ports, exe_path, cmdline, pids, cgroup, netns, languages, containers_only");
  }
  return entry;
}

}  // namespace telegen
