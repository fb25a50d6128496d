// The standard OTEL_EXPORTER_OTLP_* and OTEL_TRACES_SAMPLER* variables, as the OpenTelemetry specification defines
// them (Protocol Exporter; SDK environment variables), and those of its metrics exporter for temporality and kind of
// histogram: lowmemory means delta, as the two differ only for asynchronous counters, and those that there are (the
// agent's own) are always cumulative. They stand above the file and below the command line.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "export/settings.h"

namespace telegen {

// The value of a variable, or nothing where it is not set. An empty value counts as not set, as the specification says.
using EnvLookup = std::function<std::optional<std::string>(std::string_view name)>;

// A *_TRACES_* variable wins over its general form. Values that cannot be honoured are errors, all of them in one
// message, one a line.
Result<void> apply_environment(OtlpSettings& settings, const EnvLookup& lookup);

}  // namespace telegen
