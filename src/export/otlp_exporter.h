// Spans to an OTLP receiver: encodes, splits at the request limit, sends. What waits and tries again is pipeline's.
#pragma once

#include <memory>

#include "export/exporter.h"
#include "export/otlp/traces.h"
#include "export/transport/transport.h"

namespace telegen {

std::unique_ptr<SpanExporter> make_otlp_exporter(std::unique_ptr<Transport> transport, otlp::Scope scope,
                                                 std::size_t max_request_bytes = otlp::kMaxRequestBytes);

}  // namespace telegen
