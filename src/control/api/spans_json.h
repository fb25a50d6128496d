// Spans as the status page and `telegen top` read them: {"spans": [{trace_id, span_id, parent_span_id, service, name,
// kind, status, start_unix_ns, duration_ns, attributes}]}. Ids are lower-case hex, 64-bit numbers are strings.
#pragma once

#include <span>
#include <string>

#include "model/span.h"

namespace telegen {

std::string spans_json(std::span<const Span> spans);

}  // namespace telegen
