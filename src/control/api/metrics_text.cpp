#include "control/api/metrics_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <vector>

namespace telegen {
namespace {

struct Family {
  std::string_view name;
  std::string text;
};

std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quotes)
      out += "\\\"";
    else
      out += c;
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> buffer{};
  constexpr double kExactIntegers = 9007199254740992.0;  // 2^53
  const bool whole = std::trunc(value) == value && std::fabs(value) <= kExactIntegers;
  const auto end = whole ? std::to_chars(buffer.begin(), buffer.end(), static_cast<std::int64_t>(value)).ptr
                         : std::to_chars(buffer.begin(), buffer.end(), value).ptr;
  return {buffer.begin(), end};
}

void add_sample(const MetricSample& sample, std::string& out) {
  out += sample.name;
  if (sample.labels != nullptr && !sample.labels->empty()) {
    char separator = '{';
    for (const auto& [name, value] : *sample.labels) {
      out += separator;
      out += name + "=\"" + escaped(value, true) + "\"";
      separator = ',';
    }
    out += '}';
  }
  out += " " + number(sample.value) + "\n";
}

}  // namespace

std::string metrics_text(const MetricRegistry& registry) {
  std::vector<Family> families;
  std::map<std::string_view, std::size_t> places;
  registry.visit([&](const MetricSample& sample) {
    const auto [place, fresh] = places.emplace(sample.name, families.size());
    if (fresh) {
      const std::string name(sample.name);
      families.push_back({sample.name, "# HELP " + name + " " + escaped(sample.help, false) + "\n# TYPE " + name +
                                           (sample.kind == MetricKind::kCounter ? " counter\n" : " gauge\n")});
    }
    add_sample(sample, families[place->second].text);
  });
  std::string out;
  for (const Family& family : families) out += family.text;
  return out;
}

}  // namespace telegen
