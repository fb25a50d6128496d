// What a span costs in memory: for what holds spans within a number of bytes.
#pragma once

#include <cstddef>

#include "model/span.h"

namespace telegen {

// Of the span with all that it owns alone; not of its resource, which is shared.
std::size_t memory_of(const Span& span);

}  // namespace telegen
