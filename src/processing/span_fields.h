// What rules ask of a span, under the names of the semantic conventions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/span.h"

namespace telegen {

const Value* find_value(const Attributes& attributes, std::string_view key);
const Value* find_value(const OwnedAttributes& attributes, std::string_view key);

// Empty where there is none or it is no text. Views into the span (or its resource).
std::string_view find_text(const Attributes& attributes, std::string_view key);
std::string_view service_of(const Span& span);  // service.name of the resource
std::string_view path_of(const Span& span);     // url.path, else the path of url.full

std::optional<std::int64_t> http_status_of(const Span& span);  // http.response.status_code

Duration duration_of(const Span& span);  // not negative

}  // namespace telegen
