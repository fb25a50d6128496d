#include "discovery/selector.h"

#include <algorithm>
#include <array>

#include "discovery/text.h"

namespace telegen {
namespace {

// Executables of programs that observe others: their own requests are noise, and some would feed on our output.
constexpr std::array<std::string_view, 32> kAgents = {"telegen",         "otelcol",
                                                      "otelcol-contrib", "otelcol-k8s",
                                                      "otelcol-otlp",    "otel-collector",
                                                      "otelcontribcol",  "splunk-otel-collector",
                                                      "beyla",           "obi",
                                                      "ebpf-instrument", "alloy",
                                                      "grafana-agent",   "datadog-agent",
                                                      "trace-agent",     "process-agent",
                                                      "system-probe",    "coroot-node-agent",
                                                      "parca-agent",     "tetragon",
                                                      "falco",           "fluent-bit",
                                                      "fluentd",         "vector",
                                                      "filebeat",        "metricbeat",
                                                      "packetbeat",      "telegraf",
                                                      "promtail",        "newrelic-infra",
                                                      "node_exporter",   "oneagentos"};

bool matches_port(const Selector& selector, const std::vector<std::uint16_t>& ports) {
  return std::any_of(ports.begin(), ports.end(), [&](std::uint16_t port) {
    return std::any_of(selector.open_ports.begin(), selector.open_ports.end(),
                       [port](const PortRange& range) { return port >= range.first && port <= range.last; });
  });
}

std::string joined(const std::vector<std::string>& args) {
  std::string out;
  for (const std::string& arg : args) out.append(out.empty() ? "" : " ").append(arg);
  return out;
}

// ANDs the answers of single keys: one "no" decides, else one unknown does.
class All {
 public:
  void add(bool holds) { no_ = no_ || !holds; }
  void add_unless_unknown(bool known, bool holds) {
    if (known) {
      add(holds);
    } else {
      unknown_ = true;
    }
  }
  bool decided() const { return no_; }
  Matched answer() const { return no_ ? Matched::kNo : unknown_ ? Matched::kUnknown : Matched::kYes; }

 private:
  bool no_ = false;
  bool unknown_ = false;
};

// ORs the entries; the first that says yes gives its name.
Matched any_of(const std::vector<Selector>& selectors, const ProcessInfo& process, const Selector** which) {
  Matched out = Matched::kNo;
  for (const Selector& selector : selectors) {
    const Matched answer = matches(selector, process);
    if (answer == Matched::kYes) {
      *which = &selector;
      return answer;
    }
    if (answer == Matched::kUnknown) out = answer;
  }
  return out;
}

}  // namespace

Matched matches(const Selector& selector, const ProcessInfo& process) {
  All all;
  if (!selector.pids.empty()) all.add(std::binary_search(selector.pids.begin(), selector.pids.end(), process.pid));
  if (selector.cgroup) all.add_unless_unknown(!process.cgroups.empty(), contains(*selector.cgroup, process.cgroups));
  if (selector.net_namespace != 0) {
    all.add_unless_unknown(process.net_namespace != 0, process.net_namespace == selector.net_namespace);
  }
  if (selector.containers_only) all.add_unless_unknown(!process.cgroups.empty(), !process.container.id.empty());
  if (!selector.languages.empty()) {
    const auto& wanted = selector.languages;
    all.add_unless_unknown(process.runtime.language != Language::kUnknown,
                           std::find(wanted.begin(), wanted.end(), process.runtime.language) != wanted.end());
  }
  if (selector.exe_path) {
    all.add_unless_unknown(!process.exe_path.empty(), selector.exe_path->matches(process.exe_path));
  }
  if (selector.cmdline && !all.decided()) {
    all.add_unless_unknown(!process.args.empty(), selector.cmdline->matches(joined(process.args)));
  }
  if (!selector.open_ports.empty()) {
    // A process that listens on nothing wanted may yet do so; that is a "no" until its listen event comes.
    all.add_unless_unknown(process.listening_ports.has_value(),
                           process.listening_ports && matches_port(selector, *process.listening_ports));
  }
  return all.answer();
}

bool is_known_agent(std::string_view exe_path) {
  return std::find(kAgents.begin(), kAgents.end(), base_name(exe_path)) != kAgents.end();
}

std::string_view to_text(ExcludedBy cause) {
  switch (cause) {
    case ExcludedBy::kNothing: return "";
    case ExcludedBy::kAgentItself: return "the agent itself";
    case ExcludedBy::kKnownAgent: return "another agent or collector (default_exclude)";
    case ExcludedBy::kOtelInstrumented: return "already sends OpenTelemetry traces (exclude_otel_instrumented)";
    case ExcludedBy::kRule: return "exclude_instrument";
    case ExcludedBy::kNotSelected: return "no entry of instrument selects it";
  }
  return "";
}

bool Selection::asks_for_ports() const {
  const auto asks = [](const Selector& selector) { return !selector.open_ports.empty(); };
  return std::any_of(instrument.begin(), instrument.end(), asks) || std::any_of(exclude.begin(), exclude.end(), asks);
}

Decision decide(const Selection& selection, const ProcessInfo& process) {
  const auto no = [](ExcludedBy cause) { return Decision{Matched::kNo, cause, {}}; };
  if (process.kernel_thread) return no(ExcludedBy::kNotSelected);
  const auto& own = selection.own_pids;
  // Tracing its own exports would make a span of every request that carries spans: no setting allows that.
  if (std::find(own.begin(), own.end(), process.pid) != own.end()) return no(ExcludedBy::kAgentItself);
  if (selection.default_exclude && is_known_agent(process.exe_path)) return no(ExcludedBy::kKnownAgent);
  if (selection.exclude_otel_instrumented && process.sends_otlp_traces) return no(ExcludedBy::kOtelInstrumented);
  const Selector* which = nullptr;
  const Matched excluded = any_of(selection.exclude, process, &which);
  if (excluded == Matched::kYes) return no(ExcludedBy::kRule);
  which = nullptr;
  Decision out;
  out.selected = selection.instrument.empty() ? Matched::kYes : any_of(selection.instrument, process, &which);
  if (out.selected == Matched::kNo) return no(ExcludedBy::kNotSelected);
  if (which != nullptr) out.service_name = which->service_name;
  if (excluded == Matched::kUnknown) out.selected = Matched::kUnknown;
  return out;
}

}  // namespace telegen
