// A named value of a signal. Keys of spans are the constants of the semantic conventions, so a view of a literal is
// enough and costs nothing; resources also carry keys that users invent, so they own theirs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace telegen {

using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

struct Attribute {
  std::string_view key;  // static storage
  Value value;
};
using Attributes = std::vector<Attribute>;

struct OwnedAttribute {
  std::string key;
  Value value;
};
using OwnedAttributes = std::vector<OwnedAttribute>;

}  // namespace telegen
