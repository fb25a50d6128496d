#include "discovery/naming_parts.h"

#include <algorithm>

#include "discovery/text.h"

namespace telegen::naming {
namespace {

constexpr auto kEmptyFolders = std::to_array<std::string_view>(
    {"src",  "dist", "build", "bin", "lib", "out",     "current", "public", "target",  "release", "debug",
     "html", "www",  "cmd",   ".",   "..",  "scripts", "Release", "Debug",  "publish", ".next",   "server-dist"});
constexpr auto kSystemFolders = std::to_array<std::string_view>(
    {"usr", "opt", "srv", "home", "root", "var", "tmp", "etc", "run", "mnt", "data", "workspace"});
constexpr auto kEmptyStems = std::to_array<std::string_view>(
    {"index", "main", "__main__", "__init__", "manage", "wsgi", "asgi", "artisan", "console"});
constexpr auto kEmptyModules =
    std::to_array<std::string_view>({"main", "__main__", "__init__", "wsgi", "asgi", "app", "application"});
constexpr auto kExtensions = std::to_array<std::string_view>(
    {".py", ".pyc",  ".pyz", ".js",  ".mjs", ".cjs", ".ts",  ".mts", ".tsx", ".rb",   ".ru",  ".php", ".phar",
     ".pl", ".psgi", ".sh",  ".lua", ".jar", ".war", ".dll", ".exe", ".ini", ".yaml", ".yml", ".json"});

bool is_identifier_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_dotted_identifier(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.' || is_digit(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_identifier_char(c) || c == '.'; });
}

std::string join_path(std::string_view cwd, std::string_view path) {
  if (path.starts_with('/') || cwd.empty()) return std::string(path);
  return std::string(cwd) + "/" + std::string(path);
}

}  // namespace

bool is_one_of(std::string_view word, Words words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Name directory_name(std::string_view path) {
  auto segments = split(path, '/');
  while (!segments.empty()) {
    const std::string_view last = segments.back();
    segments.pop_back();
    if (last == "..") {  // the folder before it is not on the way
      if (!segments.empty()) segments.pop_back();
      continue;
    }
    if (last.empty() || is_one_of(last, kEmptyFolders)) continue;
    const std::size_t above = static_cast<std::size_t>(
        std::count_if(segments.begin(), segments.end(), [](std::string_view s) { return !s.empty(); }));
    if (path.starts_with('/') && above == 0 && is_one_of(last, kSystemFolders)) return std::nullopt;
    if (path.starts_with("/home/") && above == 1) return std::nullopt;
    return std::string(last);
  }
  return std::nullopt;
}

Name project_name(std::string_view cwd, std::string_view relative) { return directory_name(join_path(cwd, relative)); }

Name script_name(std::string_view path, std::string_view cwd) {
  std::string_view stem = base_name(path);
  for (const std::string_view extension : kExtensions) {
    if (stem.size() > extension.size() && stem.ends_with(extension)) {
      stem.remove_suffix(extension.size());
      break;
    }
  }
  if (stem.empty() || stem == "." || stem == "..") return project_name(cwd, path);
  if (is_one_of(stem, kEmptyStems)) {
    if (Name project = project_name(cwd, directory_of(path))) return project;
  }
  return std::string(stem);
}

Name module_name(std::string_view module) {
  module = module.substr(0, module.find(':'));
  if (module.starts_with("src.")) module.remove_prefix(4);
  while (true) {
    const std::size_t dot = module.rfind('.');
    if (dot == std::string_view::npos || !is_one_of(module.substr(dot + 1), kEmptyModules)) break;
    module = module.substr(0, dot);
  }
  if (module.empty()) return std::nullopt;
  return std::string(module);
}

bool looks_like_module(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (!is_dotted_identifier(text.substr(0, colon))) return false;
  if (colon == std::string_view::npos) return true;
  // "localhost:8000" is an address, "unix:/run/x" a socket; "app:create_app('x')" calls a factory.
  const std::string_view attribute = text.substr(colon + 1);
  return is_dotted_identifier(attribute.substr(0, attribute.find('(')));
}

bool skip_options(Command& command, Words options_with_value) {
  while (!command.args.empty()) {
    const std::string_view arg = command.args.front();
    if (arg == "--") {
      command.args = command.args.subspan(1);
      return !command.args.empty();
    }
    if (!arg.starts_with('-') || arg.size() == 1) return true;
    const std::size_t take = is_one_of(arg, options_with_value) ? 2 : 1;
    command.args = command.args.subspan(std::min(take, command.args.size()));
  }
  return false;
}

std::optional<std::string_view> option_value(std::span<const std::string> args, Words names) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string_view arg = args[i];
    for (const std::string_view name : names) {
      if (!arg.starts_with(name)) continue;
      const std::string_view tail = arg.substr(name.size());
      if (tail.empty()) {
        if (i + 1 < args.size()) return args[i + 1];
      } else if (tail.front() == '=') {
        return tail.substr(1);
      } else if (name.size() == 2 && name[0] == '-' && name[1] != '-') {
        return tail;
      }
    }
  }
  return std::nullopt;
}

Command behind_first(const Command& command) {
  return {command.args.subspan(std::min<std::size_t>(1, command.args.size())), command.cwd, command.depth};
}

}  // namespace telegen::naming
