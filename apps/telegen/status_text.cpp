#include "status_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

namespace telegen::app {
namespace {

using Json = nlohmann::ordered_json;

std::size_t width_of(std::string_view text) {  // code points are near enough to columns for names and figures
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string printable(std::string text) {
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {  // C1 control codes, U+0080 to U+009F
    const auto next = static_cast<unsigned char>(text[i + 1]);
    if (text[i] == '\xc2' && next >= 0x80 && next < 0xa0) text.replace(i, 2, "?");
  }
  return text;
}

std::string scalar(const Json& value) {
  if (value.is_string()) return printable(value.get<std::string>());
  if (value.is_null()) return "-";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

bool is_table(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::ranges::all_of(value, [](const Json& row) { return row.is_object(); });
}

std::string list_text(const Json& list) {
  std::string out;
  for (const Json& item : list) out += (out.empty() ? "" : ", ") + scalar(item);
  return out.empty() ? "none" : out;
}

std::string cell(const Json& value) { return value.is_array() ? list_text(value) : scalar(value); }

void add_table(const Json& rows, std::size_t indent, std::string& out) {
  std::vector<std::string> heads;
  for (const Json& row : rows) {
    for (const auto& [name, value] : row.items()) {
      if (std::ranges::find(heads, name) == heads.end()) heads.push_back(name);
    }
  }
  std::vector<std::vector<std::string>> cells(1);
  for (const std::string& head : heads) cells[0].push_back(printable(head));
  for (const Json& row : rows) {
    auto& line = cells.emplace_back();
    for (const std::string& head : heads) line.push_back(row.contains(head) ? cell(row[head]) : "");
  }
  for (const auto& line : cells) {
    std::string text(indent, ' ');
    for (std::size_t i = 0; i < line.size(); ++i) {
      std::size_t widest = 0;
      for (const auto& other : cells) widest = std::max(widest, width_of(other[i]));
      text += line[i] + std::string(widest - width_of(line[i]) + 2, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  }
}

void add_mapping(const Json& mapping, std::size_t indent, std::string& out) {
  std::size_t widest = 0;
  for (const auto& [name, value] : mapping.items()) {
    if (!value.is_structured()) widest = std::max(widest, width_of(printable(name)));
  }
  for (const auto& [name, value] : mapping.items()) {
    const std::string shown = printable(name);
    const std::string start = std::string(indent, ' ') + shown;
    const std::string space(widest > width_of(shown) ? widest - width_of(shown) + 2 : 2, ' ');
    if (is_table(value)) {
      out += start + "\n";
      add_table(value, indent + 2, out);
    } else if (value.is_object() && !value.empty()) {
      out += start + "\n";
      add_mapping(value, indent + 2, out);
    } else if (value.is_object()) {
      out += start + space + "none\n";
    } else {
      out += start + space + cell(value) + "\n";
    }
  }
}

}  // namespace

std::string status_text(std::string_view status, std::string_view ready) {
  const Json all = Json::parse(status, nullptr, false);
  const Json checks = Json::parse(ready, nullptr, false);
  if (!all.is_object() || !checks.is_object()) return "the answer is not a status of telegen\n";
  std::string out = "telegen " + (all.contains("version") ? scalar(all["version"]) : std::string());
  const bool is_ready = checks.contains("status");
  out += is_ready ? ": ready\n" : ": not ready\n";
  if (!is_ready && checks.contains("details") && checks["details"].is_object()) add_mapping(checks["details"], 2, out);
  for (const auto& [name, section] : all.items()) {
    if (name == "version") continue;
    out += "\n" + printable(name) + "\n";
    if (section.is_object() && !section.empty())
      add_mapping(section, 2, out);
    else if (is_table(section))
      add_table(section, 2, out);
    else
      out += "  " + (section.is_object() ? std::string("none") : cell(section)) + "\n";
  }
  return out;
}

}  // namespace telegen::app
