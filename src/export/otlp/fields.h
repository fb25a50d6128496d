// The messages inside a trace request: their sizes and their bytes. Private to this folder. A size function and its
// write function name the same fields in the same order; a test decodes what they make with the official library.
#pragma once

#include "export/otlp/traces.h"
#include "export/otlp/wire.h"
#include "model/span.h"

namespace telegen::otlp {

std::size_t span_size(const Span& span);
void write_span(wire::Writer& out, const Span& span);

std::size_t resource_size(const Resource& resource);
void write_resource(wire::Writer& out, const Resource& resource);

std::size_t scope_size(const Scope& scope);
void write_scope(wire::Writer& out, const Scope& scope);

}  // namespace telegen::otlp
