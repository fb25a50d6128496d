// W3C Trace Context, level 2 (https://www.w3.org/TR/trace-context-2/): what a request carries of its caller's trace.
#pragma once

#include <span>

#include "base/bytes.h"
#include "model/span.h"

namespace telegen {

// Section 3.2. Strict: an invalid header gives an invalid context, and nothing of it is used. A version above 00 may be
// longer; version ff is invalid.
TraceContext parse_traceparent(Bytes value);

// Section 3.3. The list headers are joined in order. Empty when any member is malformed or a key repeats, when there
// are more than 32 members or more than 512 bytes: a list that cannot be kept whole is dropped whole.
std::string join_tracestate(std::span<const Bytes> values);

}  // namespace telegen
