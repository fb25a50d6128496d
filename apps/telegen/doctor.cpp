// `telegen doctor`: what this kernel and this user permit, which probes would run, what is lost without the others.
#include <sys/utsname.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "commands.h"
#include "exit_code.h"
#include "loader/capability/capabilities.h"
#include "loader/handoff/confine.h"
#include "loader/plan/plan.h"

namespace telegen::app {
namespace {

using nlohmann::json;

struct Report {
  utsname system{};
  std::vector<MissingRight> missing;
  Capabilities capabilities;
  Plan plan;
  std::string worker_user;
  std::optional<UnseenIoUring> unseen_io_uring;
  int verdict() const { return !missing.empty() ? kPermission : !plan.missing.empty() ? kBpf : kSuccess; }
};

Report examine() {
  Report report;
  ::uname(&report.system);
  report.missing = missing_rights();
  report.capabilities = measure_capabilities(ensure_tracefs());
  report.plan = make_plan(report.capabilities, {});
  report.unseen_io_uring = unseen_io_uring(report.plan, report.capabilities);
  report.worker_user = worker_user().name;
  return report;
}

// All ways to observe a hook, in order of preference, and what of their needs this kernel lacks.
json to_json(std::span<const Candidate> candidates, const Capabilities& capabilities) {
  json values = json::array();
  for (const Candidate& candidate : candidates) {
    json lacks = json::array();
    for (const Capability need : candidate.needs) {
      if (!capabilities[need].available) lacks.push_back(name_of(need));
    }
    values.push_back({{"name", candidate.name}, {"cost", candidate.cost}, {"lacks", lacks}});
  }
  return values;
}

json to_json(const Report& report) {
  json value{
      {"kernel", report.system.release}, {"machine", report.system.machine}, {"worker_user", report.worker_user}};
  value["missing_rights"] = json::array();
  for (const MissingRight& right : report.missing)
    value["missing_rights"].push_back({{"name", right.name}, {"purpose", right.purpose}});
  value["capabilities"] = json::object();
  for (std::size_t i = 0; i < kCapabilities; ++i) {
    const auto capability = static_cast<Capability>(i);
    const Finding& finding = report.capabilities[capability];
    value["capabilities"][name_of(capability)] = {{"available", finding.available}, {"detail", finding.detail}};
  }
  value["probes"] = json::array();
  for (const PlannedHook& planned : report.plan.hooks) {
    value["probes"].push_back({{"key", planned.hook->key},
                               {"purpose", planned.hook->purpose},
                               {"candidate", planned.chosen != nullptr ? json(planned.chosen->name) : json()},
                               {"cost", planned.chosen != nullptr ? json(planned.cost()) : json()},
                               {"rejected", planned.rejected},
                               {"candidates", to_json(planned.hook->candidates, report.capabilities)},
                               {"without", planned.hook->without}});
  }
  const UnseenIoUring unseen = report.unseen_io_uring.value_or(UnseenIoUring{});
  value["io_uring"] = {{"seen", !report.unseen_io_uring}, {"detail", unseen.why}, {"force_probe", unseen.force_probe}};
  value["can_trace"] = report.verdict() == kSuccess;
  return value;
}

void print_rights(const Report& report) {
  if (report.missing.empty()) {
    std::printf("Rights      all that are needed; the worker will run as user %s\n", report.worker_user.c_str());
    return;
  }
  std::puts("Rights      missing (run as root to see what the kernel really permits):");
  for (const MissingRight& right : report.missing)
    std::printf("  ✗ %-16s to %s\n", right.name.c_str(), right.purpose.c_str());
}

// What goes through io_uring passes no system call, so it depends on the probes of transfers.
void print_io_uring(const Report& report) {
  if (!report.unseen_io_uring) {
    std::puts("\nio_uring    ✓ what goes through it is seen");
    return;
  }
  std::printf("\nio_uring    ✗ what goes through it is %s\n", report.unseen_io_uring->why.c_str());
  std::puts("              processes that use it are reported as partly traced");
}

void print_report(const Report& report) {
  std::printf("Kernel      %s %s\n", report.system.release, report.system.machine);
  print_rights(report);
  std::puts("\nWhat the kernel permits");
  for (std::size_t i = 0; i < kCapabilities; ++i) {
    const auto capability = static_cast<Capability>(i);
    const Finding& finding = report.capabilities[capability];
    std::printf("  %s %-16.*s %.*s\n", finding.available ? "✓" : "✗", static_cast<int>(name_of(capability).size()),
                name_of(capability).data(), static_cast<int>(meaning_of(capability).size()),
                meaning_of(capability).data());
    if (!finding.available) std::printf("    %-16s %s\n", "", finding.detail.c_str());
  }
  std::puts("\nProbes");
  for (const PlannedHook& planned : report.plan.hooks) {
    const std::string candidate = planned.chosen != nullptr ? std::string(planned.chosen->name) : "none";
    std::printf("  %s %-18.*s %-11s %.*s\n", planned.chosen != nullptr ? "✓" : "✗",
                static_cast<int>(planned.hook->key.size()), planned.hook->key.data(), candidate.c_str(),
                static_cast<int>(planned.hook->purpose.size()), planned.hook->purpose.data());
    if (planned.chosen != nullptr) {
      std::printf("    %-18s costs %.*s\n", "", static_cast<int>(planned.cost().size()), planned.cost().data());
    }
    for (const std::string& why : planned.rejected) std::printf("    %-18s not %s\n", "", why.c_str());
    if (planned.chosen == nullptr) {
      std::printf("    %-18s without it: %.*s\n", "", static_cast<int>(planned.hook->without.size()),
                  planned.hook->without.data());
    }
  }
  print_io_uring(report);
  std::puts(report.verdict() == kSuccess ? "\nThis host can be traced." : "\nThis host cannot be traced as it is.");
}

}  // namespace

int run_doctor(const DoctorOptions& options) {
  const Report report = examine();
  if (options.json) {
    std::puts(to_json(report).dump(2).c_str());
  } else {
    print_report(report);
  }
  return report.verdict();
}

}  // namespace telegen::app
