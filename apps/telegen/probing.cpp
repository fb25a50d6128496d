#include "probing.h"

namespace telegen::app {

std::string missing_rights_text(const std::vector<MissingRight>& missing) {
  std::string text = "this user lacks the rights that eBPF needs:";
  for (const MissingRight& right : missing) text += "\n  " + right.name + ": to " + right.purpose;
  text += "\nrun it as root (sudo telegen …), or give a service these capabilities (AmbientCapabilities= in systemd)";
  return text;
}

Result<Probing> probe_kernel(const EbpfSettings& settings) {
  if (const auto missing = missing_rights(); !missing.empty()) {
    return fail(missing_rights_text(missing), ErrorKind::kPermission);
  }
  Probing probing;
  probing.capabilities = measure_capabilities(ensure_tracefs());
  probing.plan = make_plan(probing.capabilities, settings);
  if (probing.plan.missing.empty()) return probing;
  std::string text = "this kernel cannot run Telegen's eBPF programs:";
  for (const std::string& reason : probing.plan.missing) text += "\n  " + reason;
  return fail(text + "\n`telegen doctor` shows every finding", ErrorKind::kBpf);
}

}  // namespace telegen::app
