#include "processing/value_text.h"

#include <array>
#include <charconv>

namespace telegen {
namespace {

template <class Number>
std::string number_text(Number number) {
  std::array<char, 32> buffer;  // the shortest form of a double takes at most 24
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return {buffer.data(), end};
}

}  // namespace

std::string value_text(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* yes = std::get_if<bool>(&value)) return *yes ? "true" : "false";
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return number_text(*whole);
  if (const auto* real = std::get_if<double>(&value)) return number_text(*real);
  std::string out;
  for (const std::string& one : std::get<std::vector<std::string>>(value)) {
    if (!out.empty()) out += ',';
    out += one;
  }
  return out;
}

}  // namespace telegen
