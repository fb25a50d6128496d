// Signals and resources whose text is all valid UTF-8. Private to this folder.
#pragma once

#include "model/log_record.h"
#include "model/metric.h"
#include "model/profile.h"
#include "model/span.h"

namespace telegen::otlp {

// Keys of span attributes are the agent's own literals and are not looked at.
bool has_valid_text(const Span& span);
bool has_valid_text(const Value& value);
bool has_valid_text(const Resource& resource);
// The attribute sets of points are not looked at: they are mended when they are encoded.
bool has_valid_text(const Metric& metric);
bool has_valid_text(const LogRecord& record);
// A profile has no text but its dictionary's, which is mended when it is written.
constexpr bool has_valid_text(const Profile&) { return true; }

Span sanitised(const Span& span);
Value sanitised(const Value& value);
Resource sanitised(const Resource& resource);
Metric sanitised(const Metric& metric);
LogRecord sanitised(const LogRecord& record);
inline Profile sanitised(const Profile& profile) { return profile; }

}  // namespace telegen::otlp
