// What this kernel and this user permit, in the order in which users should hear of it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "loader/capability/capabilities.h"
#include "loader/plan/plan.h"

namespace telegen::app {

struct Probing {
  Capabilities capabilities;
  Plan plan;
};

// kPermission with what is missing and what to do, or kBpf with what the kernel lacks.
Result<Probing> probe_kernel(const EbpfSettings& settings);

std::string missing_rights_text(const std::vector<MissingRight>& missing);

}  // namespace telegen::app
