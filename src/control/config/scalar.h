// Single values as a person writes them: booleans, numbers, sizes (Ki, Mi, Gi) and times (ms, s, m, h). Pure.
// An error is a phrase that completes "telegen.yaml:3: otlp.timeout: …".
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/settings.h"
#include "base/time.h"

namespace telegen::config {

template <class T>
using Parsed = std::expected<T, std::string>;

Parsed<bool> parse_boolean(std::string_view text);          // true, false
Parsed<std::int64_t> parse_integer(std::string_view text);  // decimal, an optional minus
Parsed<double> parse_number(std::string_view text);         // decimal or scientific; never nan or inf
Parsed<ByteSize> parse_size(std::string_view text);         // 4096, 4Ki, 16Mi, 1Gi
Parsed<Duration> parse_duration(std::string_view text);     // 500ms, 10s, 5m, 1h, 0

// The shortest text that parses back to the same value. A time that is no whole number of milliseconds is cut.
std::string to_text(double value);
std::string to_text(ByteSize value);
std::string to_text(Duration value);

bool is_utf8(std::string_view text);  // RFC 3629: no overlong forms, no surrogates

// 'text' for an error message: control bytes escaped, long texts cut.
std::string quoted(std::string_view text);

}  // namespace telegen::config
