// A span inside a trace request: its size and its bytes. Private to this folder. The size function and the write
// function name the same fields in the same order; a test decodes what they make with the official library.
#pragma once

#include "export/otlp/values.h"
#include "model/span.h"

namespace telegen::otlp {

std::size_t span_size(const Span& span);
void write_span(Writer& out, const Span& span);

}  // namespace telegen::otlp
