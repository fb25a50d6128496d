// Spans and resources whose text is all valid UTF-8. Private to this folder.
#pragma once

#include "model/span.h"

namespace telegen::otlp {

// Keys of span attributes are the agent's own literals and are not looked at.
bool has_valid_text(const Span& span);
bool has_valid_text(const Resource& resource);

Span sanitised(const Span& span);
Resource sanitised(const Resource& resource);

}  // namespace telegen::otlp
