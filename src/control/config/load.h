// From all sources to one validated configuration: option > environment > file > default.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "control/config/environment.h"
#include "control/config/problem.h"
#include "control/config/settings.h"

namespace telegen {

// One command-line option that stands for a key.
struct Override {
  std::string option;  // as the user wrote it: "--endpoint"
  std::string path;    // "otlp.endpoint"
  std::string text;    // its value; for a list of texts or a mapping "a,b" or "a=1,b=2"
  // For a list of mappings instead of `text`: each pair is an entry of its own with that one key.
  std::vector<std::pair<std::string, std::string>> entries = {};
};

// What the standard OTEL_* variables mean for the settings; applied after the file, before TELEGEN_*.
using EnvironmentRule = std::function<Result<void>(Settings&, const Environment&)>;

// What no single key can tell: a text with a grammar, two keys that exclude each other.
struct Complaint {
  std::string path;  // the key that it is about; its position in the file is found by it
  std::string what;
};
using Check = std::function<std::vector<Complaint>(const Settings&)>;

struct LoadRequest {
  std::optional<std::string> file = std::nullopt;                                   // --config: must be readable
  std::vector<std::string> search = {"telegen.yaml", "/etc/telegen/telegen.yaml"};  // else the first that exists
  Environment environment = {};
  std::vector<Override> options = {};
  std::string host_name = {};  // for telegen.instance_id
  std::vector<EnvironmentRule> environment_rules = {};
  std::vector<Check> checks = {};
};

struct LoadedSettings {
  Settings settings;
  std::string file;  // empty: no file was found
};

// All problems of all sources at once: the error's message has one line for each (kConfiguration).
Result<LoadedSettings> load_settings(const LoadRequest& request);

// Reads what to_yaml(…, Secrets::kReveal) wrote: no environment, no search, same strictness.
Result<Settings> settings_from_yaml(std::string_view yaml, std::string_view source);

// The parts, for any declaration: what tests and fuzzing use.
namespace config {
std::vector<Problem> apply_yaml(std::string_view yaml, std::string_view source, const Environment& references,
                                const SettingsVisitor::Body& declaration);
std::vector<Problem> apply_environment(const Environment& environment, const SettingsVisitor::Body& declaration);
std::vector<Problem> apply_options(const std::vector<Override>& options, const SettingsVisitor::Body& declaration);
}  // namespace config

}  // namespace telegen
