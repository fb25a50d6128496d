#include "load_rules.h"

#include "delivery_plan.h"
#include "export/environment.h"
#include "loader/plan/plan.h"
#include "processing/span_processor.h"
#include "scope.h"

namespace telegen::app {
namespace {

Result<void> standard_variables(Settings& settings, const Environment& environment) {
  return apply_environment(settings.otlp, [&environment](std::string_view name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
}

// The files are for the loader to read; here it is their names and all that is not in files.
std::vector<Complaint> check_delivery(const Settings& settings) {
  const auto unread = [](const std::string&) -> Result<std::string> { return "-----BEGIN "; };
  const auto plan = delivery_plan(settings, unread);
  if (plan) return {};
  // The message begins with the key.
  const std::string& message = plan.error().message;
  const std::size_t colon = message.find(": ");
  if (colon == std::string::npos) return {{"otlp", message}};
  return {{message.substr(0, colon), message.substr(colon + 2)}};
}

std::vector<Complaint> check_discovery(const Settings& settings) {
  const auto selection = compile_selection(settings.discovery, {}, net_namespace_of_file);
  std::vector<Complaint> complaints;
  if (!selection) {
    for (const SettingsError& error : selection.error()) complaints.push_back({error.key, error.message});
  }
  return complaints;
}

std::vector<Complaint> check_probes(const Settings& settings) {
  std::vector<Complaint> complaints;
  for (const auto& [hook, what] : impossible_probes(settings.agent.ebpf)) {
    complaints.push_back({"agent.ebpf.force_probe." + hook, what});
  }
  return complaints;
}

std::vector<Complaint> check_processing(const Settings& settings) {
  std::vector<Complaint> complaints;
  const OtlpTracesSettings& traces = settings.otlp.traces;
  for (const auto& [key, message] : SpanProcessor::check(settings.pipeline, {traces.sampler, traces.sampler_arg}))
    complaints.push_back({key, message});
  return complaints;
}

}  // namespace

LoadRequest with_rules(LoadRequest request) {
  request.environment_rules.push_back(standard_variables);
  request.checks.push_back(check_delivery);
  request.checks.push_back(check_discovery);
  request.checks.push_back(check_probes);
  request.checks.push_back(check_processing);
  return request;
}

}  // namespace telegen::app
