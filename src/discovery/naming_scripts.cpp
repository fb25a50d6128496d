#include <algorithm>

#include "discovery/naming_parts.h"
#include "discovery/text.h"

namespace telegen::naming {
namespace {

// Tools that run what is in the working directory.
constexpr auto kNodeProjectTools =
    std::to_array<std::string_view>({"npm", "npm-cli", "npx", "npx-cli", "yarn", "pnpm", "next", "nuxt", "nuxi", "vite",
                                     "nest", "react-scripts", "remix-serve", "strapi", "astro", "webpack", "corepack"});
constexpr auto kNodeCommandTools = std::to_array<std::string_view>(
    {"ts-node", "ts-node-dev", "tsx", "nodemon", "babel-node", "pm2-runtime", "forever"});
constexpr auto kRubyProjectTools =
    std::to_array<std::string_view>({"rails", "puma", "unicorn", "thin", "rackup", "passenger", "sidekiq", "falcon",
                                     "rake", "spring", "foreman", "resque", "unicorn_rails"});

// The tool behind a script of the Node world: "node_modules/.bin/next", "node_modules/tsx/dist/cli.mjs".
std::string_view node_tool(std::string_view path) {
  constexpr std::string_view kModules = "node_modules/";
  const std::size_t at = path.rfind(kModules);
  if (at == std::string_view::npos) return without_extension(base_name(path));
  std::string_view inside = path.substr(at + kModules.size());
  if (inside.starts_with(".bin/")) return inside.substr(5);
  return inside.substr(0, inside.find('/'));
}

}  // namespace

Name of_node(const Command& command) {
  constexpr auto kWithValue = std::to_array<std::string_view>(
      {"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file",
       "--title", "--max-http-header-size", "--icu-data-dir", "--input-type", "--openssl-config", "--diagnostic-dir",
       "--watch-path", "--stack-trace-limit"});
  for (const std::string& arg : command.args) {
    if (!arg.starts_with('-')) break;
    if (is_one_of(arg, {"-e", "--eval", "-p", "--print", "-i", "--interactive"})) return std::nullopt;
  }
  Command rest = command;
  if (!skip_options(rest, kWithValue) || rest.args.front() == "-") return std::nullopt;
  const std::string_view script = rest.args.front();
  const std::string_view tool = node_tool(script);
  if (is_one_of(tool, kNodeProjectTools)) {
    if (Name project = project_name(command.cwd)) return project;
    return std::string(tool);
  }
  if (is_one_of(tool, kNodeCommandTools) && rest.depth < 4) {
    Command inner = behind_first(rest);
    ++inner.depth;
    if (!inner.args.empty() && inner.args.front() == "watch") inner = behind_first(inner);
    return of_node(inner);
  }
  return script_name(script, command.cwd);
}

Name of_ruby(const Command& command) {
  constexpr auto kWithValue = std::to_array<std::string_view>({"-r", "-I", "-C", "-E", "--encoding", "-x"});
  for (const std::string& arg : command.args) {
    if (!arg.starts_with('-')) break;
    if (arg == "-e") return std::nullopt;
  }
  Command rest = command;
  if (!skip_options(rest, kWithValue) || rest.args.front() == "-") return std::nullopt;
  const std::string_view script = rest.args.front();
  std::string_view tool = base_name(script);
  if (tool == "bundle" || tool == "bundler") {
    rest = behind_first(rest);
    if (!rest.args.empty() && rest.args.front() == "exec") rest = behind_first(rest);
    if (rest.args.empty() || ++rest.depth > 4) return project_name(command.cwd);
    if (base_name(rest.args.front()) == "ruby") rest = behind_first(rest);
    return of_ruby(rest);
  }
  if (is_one_of(tool, kRubyProjectTools)) {
    if (Name project = project_name(command.cwd)) return project;
    return std::string(tool);
  }
  return script_name(script, command.cwd);
}

Name of_php(const Command& command) {
  constexpr auto kWithValue = std::to_array<std::string_view>({"-c", "-d", "-z", "-f", "-S", "-t"});
  const auto code = std::find(command.args.begin(), command.args.end(), "-r");
  if (code != command.args.end()) return std::nullopt;
  if (const auto file = option_value(command.args, {"-f", "--file"})) return script_name(*file, command.cwd);
  Command rest = command;
  if (skip_options(rest, kWithValue)) return script_name(rest.args.front(), command.cwd);
  if (option_value(command.args, {"-S"}))
    return project_name(command.cwd, option_value(command.args, {"-t"}).value_or(""));
  return std::nullopt;
}

// dotnet [host options] app.dll | exec app.dll | run [--project folder] | watch run …
Name of_dotnet(const Command& command) {
  constexpr auto kWithValue =
      std::to_array<std::string_view>({"--depsfile", "--runtimeconfig", "--additionalprobingpath", "--additional-deps",
                                       "--fx-version", "--roll-forward"});
  Command rest = command;
  while (skip_options(rest, kWithValue)) {
    const std::string_view arg = rest.args.front();
    if (arg == "exec" || arg == "watch") {
      rest = behind_first(rest);
      continue;
    }
    if (arg == "run") {
      if (const auto project = option_value(rest.args, {"--project", "-p"})) {
        if (project->ends_with("proj")) return std::string(without_extension(base_name(*project)));
        return project_name(command.cwd, *project);
      }
      return project_name(command.cwd);
    }
    const std::string_view file = base_name(arg);
    if (file.ends_with(".dll") || file.ends_with(".exe")) return std::string(without_extension(file));
    return std::nullopt;
  }
  return std::nullopt;
}

Name of_shell(const Command& command) {
  Command rest = command;
  while (!rest.args.empty() && rest.args.front().starts_with('-')) {
    const std::string_view arg = rest.args.front();
    if (!arg.starts_with("--") && arg.find('c') != std::string_view::npos) return std::nullopt;  // -c, -ec
    rest = behind_first(rest);
    if (is_one_of(arg, {"-o", "-O", "--rcfile", "--init-file"})) rest = behind_first(rest);
  }
  if (rest.args.empty()) return std::nullopt;
  return script_name(rest.args.front(), command.cwd);
}

Name of_perl(const Command& command) {
  for (const std::string& arg : command.args) {
    if (!arg.starts_with('-')) break;
    if (!arg.starts_with("--") && arg.find_first_of("eE") != std::string::npos) return std::nullopt;
  }
  Command rest = command;
  if (!skip_options(rest, {"-I", "-x"})) return std::nullopt;
  if (is_one_of(base_name(rest.args.front()), {"plackup", "starman", "starlet"})) {
    for (const std::string& arg : behind_first(rest).args) {
      if (arg.ends_with(".psgi")) return script_name(arg, command.cwd);
    }
    return project_name(command.cwd);
  }
  return script_name(rest.args.front(), command.cwd);
}

// deno run [options] main.ts; bun [run] index.ts
Name of_deno(const Command& command) {
  Command rest = command;
  if (!skip_options(rest, {})) return std::nullopt;
  if (is_one_of(rest.args.front(), {"run", "serve", "task", "start"})) rest = behind_first(rest);
  if (!skip_options(rest, {"--config", "-c", "--import-map", "--env-file", "--port", "--host"}))
    return project_name(command.cwd);
  const std::string_view script = rest.args.front();
  if (script.find('.') == std::string_view::npos) return project_name(command.cwd);  // the name of a task
  return script_name(script, command.cwd);
}

}  // namespace telegen::naming
