// UTF-8 as RFC 3629 defines it: protobuf strings and JSON allow nothing else, captured bytes are anything.
#pragma once

#include <string>
#include <string_view>

namespace telegen::otlp {

// NUL is valid. Overlong forms, surrogates and code points above U+10FFFF are not.
bool valid_utf8(std::string_view text);

// Each maximal ill-formed subpart becomes one U+FFFD (Unicode 15, 3.9, "U+FFFD Substitution of Maximal Subparts").
std::string to_valid_utf8(std::string_view text);

// The length of the valid sequence at the start of `text` (1 to 4), or 0; then `skip` is how many bytes one U+FFFD
// stands for. `text` is not empty.
std::size_t utf8_sequence(std::string_view text, std::size_t& skip);

}  // namespace telegen::otlp
