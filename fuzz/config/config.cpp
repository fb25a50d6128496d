// Any text as a configuration file: reading never crashes and takes bounded time, and what was accepted survives being
// printed and read again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/config/load.h"
#include "control/config/printer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view yaml(reinterpret_cast<const char*>(data), size);
  const telegen::Environment environment = {{"A", "value"}, {"EMPTY", ""}, {"LONG", std::string(5000, 'x')}};
  telegen::Settings settings;
  const auto declaration = [&](telegen::SettingsVisitor& visitor) { describe(visitor, settings); };
  const auto problems = telegen::config::apply_yaml(yaml, "fuzz.yaml", environment, declaration);
  for (const auto& problem : problems) {
    if (problem.what.empty()) std::abort();
  }
  telegen::config::apply_environment({{"TELEGEN_TELEGEN_SERVICE_NAME", std::string(yaml)}}, declaration);
  if (problems.empty()) {
    const std::string printed = to_yaml(settings, telegen::Secrets::kReveal);
    telegen::Settings back;
    const auto again = telegen::config::apply_yaml(printed, "printed", {},
                                                   [&](telegen::SettingsVisitor& visitor) { describe(visitor, back); });
    if (!again.empty() || to_yaml(back, telegen::Secrets::kReveal) != printed) std::abort();
  }
  return 0;
}
