// The memory that a span keeps: itself and what it owns. Resources are shared and belong to discovery's account.
#pragma once

#include <cstddef>

#include "model/span.h"

namespace telegen {

std::size_t held_bytes(const Span& span);

}  // namespace telegen
