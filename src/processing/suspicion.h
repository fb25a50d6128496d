// Whether a text may hold a secret at all: nearly no text does, and this is asked of every one. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace telegen {

// What a text may hold. A bit that is not set is certain.
struct Suspicion {
  bool assignment = false;  // "key=value", "key: value", "scheme://user:password@host"
  bool token = false;       // what looks like the start of a known token, or of "Bearer …"
  bool email = false;
};

inline constexpr std::size_t kShortestToken = 16;  // bytes of a text in which a token is looked for

// Compares 16 bytes at once, as it is asked of all text that leaves.
Suspicion suspect(std::string_view text);

}  // namespace telegen
