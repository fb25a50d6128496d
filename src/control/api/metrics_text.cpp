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

std::string_view type_name(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter: return " counter\n";
    case MetricKind::kGauge: return " gauge\n";
    case MetricKind::kHistogram: return " histogram\n";
  }
  return " untyped\n";
}

// `bound`: the label `le` of a bucket; empty: none.
void add_line(const MetricSample& sample, std::string_view suffix, std::string_view bound, double value,
              std::string& out) {
  out += sample.name;
  out += suffix;
  char separator = '{';
  const auto label = [&](std::string_view name, std::string_view text) {
    out += separator;
    out.append(name).append("=\"").append(escaped(text, true)).append("\"");
    separator = ',';
  };
  if (sample.labels != nullptr) {
    for (const auto& [name, text] : *sample.labels) label(name, text);
  }
  if (!bound.empty()) label("le", bound);
  if (separator == ',') out += '}';
  out += " " + number(value) + "\n";
}

void add_sample(const MetricSample& sample, std::string& out) {
  if (sample.histogram == nullptr) return add_line(sample, "", "", sample.value, out);
  const Histogram::Reading& reading = *sample.histogram;
  std::uint64_t below = 0;  // buckets are cumulative in this format
  for (std::size_t i = 0; i < reading.counts.size(); ++i) {
    below += reading.counts[i];
    const std::string bound = i < reading.bounds.size() ? number(reading.bounds[i]) : "+Inf";
    add_line(sample, "_bucket", bound, static_cast<double>(below), out);
  }
  add_line(sample, "_sum", "", reading.sum, out);
  add_line(sample, "_count", "", static_cast<double>(reading.count), out);
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
                                           std::string(type_name(sample.kind))});
    }
    add_sample(sample, families[place->second].text);
  });
  std::string out;
  for (const Family& family : families) out += family.text;
  return out;
}

}  // namespace telegen
