#include "control/config/environment.h"

#include <algorithm>
#include <array>

namespace telegen {

Environment environment_from(const char* const* entries) {
  Environment environment;
  for (; entries != nullptr && *entries != nullptr; ++entries) {
    const std::string_view entry(*entries);
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return environment;
}

namespace config {
namespace {

constexpr std::size_t kLongestExpansion = 64U << 10;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name(std::string_view name) {
  return !name.empty() && is_name_start(name.front()) &&
         std::ranges::all_of(name, [](char c) { return is_name_start(c) || is_digit(c); });
}

Parsed<std::string_view> resolve(std::string_view reference, const Environment& environment) {
  const std::size_t separator = reference.find(":-");
  const std::string_view name = reference.substr(0, separator);
  if (!is_name(name)) {
    return std::unexpected(
        quoted("${" + std::string(reference) + "}") +
        " is no reference to a variable; write ${NAME} or ${NAME:-default}, and $${ for a literal ${");
  }
  const auto found = environment.find(name);
  const bool has_default = separator != std::string_view::npos;
  if (found != environment.end() && !(has_default && found->second.empty())) return found->second;
  if (has_default) return reference.substr(separator + 2);
  return std::unexpected("environment variable " + std::string(name) + " is not set; write ${" + std::string(name) +
                         ":-default} to go without it");
}

}  // namespace

Parsed<std::string> expand(std::string_view text, const Environment& environment) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("$${")) {
      out += "${";
      i += 3;
    } else if (rest.starts_with("${")) {
      const std::size_t end = rest.find('}');
      if (end == std::string_view::npos) return std::unexpected(quoted(rest) + " has no closing }");
      const auto value = resolve(rest.substr(2, end - 2), environment);
      if (!value) return std::unexpected(value.error());
      out += *value;
      i += end + 1;
    } else {
      out += text[i++];
    }
    if (out.size() > kLongestExpansion && out.size() > text.size())
      return std::unexpected("expands to more than 64 KiB");
  }
  return out;
}

std::string escape_references(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("${")) out += '$';
    out += text[i];
  }
  return out;
}

std::string variable_name(std::string_view path) {
  std::string name = "TELEGEN_";
  for (const char c : path) {
    name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

bool is_kubernetes_service_variable(std::string_view name, std::string_view value) {
  if (name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT")) return true;
  if (name.find("_SERVICE_PORT_") != std::string_view::npos) return true;
  if (name.ends_with("_PORT")) return value.contains("://");  // TELEGEN_PORT=tcp://10.0.0.7:4317
  const std::size_t port = name.find("_PORT_");               // …_PORT_4317_TCP, …_PORT_4317_TCP_ADDR
  if (port == std::string_view::npos) return false;
  std::string_view rest = name.substr(port + 6);
  const std::size_t digits = rest.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos) return false;
  rest.remove_prefix(digits);
  constexpr std::array<std::string_view, 3> kProtocols = {"_TCP", "_UDP", "_SCTP"};
  return std::ranges::any_of(kProtocols, [&](std::string_view protocol) { return rest.starts_with(protocol); });
}

}  // namespace config
}  // namespace telegen
