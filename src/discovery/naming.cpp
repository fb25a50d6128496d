#include "discovery/naming.h"

#include <algorithm>
#include <array>

#include "discovery/naming_parts.h"
#include "discovery/text.h"

namespace telegen {
namespace naming {
namespace {

constexpr std::size_t kMaxName = 255;
constexpr int kMaxDepth = 4;

// One row a program that runs something else. A version may follow the stem (python3.11, php-fpm8.2). `plain` names a
// process whose arguments tell nothing.
struct Program {
  std::string_view stem;
  Rule rule;
  std::string_view plain;
};
constexpr std::array kPrograms = {
    Program{"python", of_python, "python"}, Program{"pypy", of_python, "pypy"},
    Program{"uwsgi", of_uwsgi, "uwsgi"},    Program{"java", of_java, "java"},
    Program{"nodejs", of_node, "node"},     Program{"node", of_node, "node"},
    Program{"bun", of_deno, "bun"},         Program{"deno", of_deno, "deno"},
    Program{"ruby", of_ruby, "ruby"},       Program{"php", of_php, "php"},
    Program{"php-cgi", nullptr, "php-cgi"}, Program{"php-fpm", nullptr, "php-fpm"},
    Program{"dotnet", of_dotnet, "dotnet"}, Program{"mono", of_dotnet, "mono"},
    Program{"perl", of_perl, "perl"},       Program{"bash", of_shell, "bash"},
    Program{"dash", of_shell, "sh"},        Program{"sh", of_shell, "sh"},
    Program{"zsh", of_shell, "zsh"},        Program{"lua", of_shell, "lua"},
    Program{"luajit", of_shell, "lua"},
};

const Program* find_program(std::string_view name) {
  for (const Program& program : kPrograms) {
    if (!name.starts_with(program.stem)) continue;
    const std::string_view tail = name.substr(program.stem.size());
    if (std::all_of(tail.begin(), tail.end(), [](char c) { return is_digit(c) || c == '.'; })) return &program;
  }
  return nullptr;
}

std::string_view without_deleted_mark(std::string_view path) {
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  return path;
}

// A process may overwrite its arguments with a title, which then is one string: "gunicorn: master [orders:app]",
// "puma 6.4.2 (tcp://0.0.0.0:3000) [orders]", "sidekiq 7.1.2 orders [0 of 5 busy]", "php-fpm: pool orders".
Name of_title(std::span<const std::string> args, std::string_view cwd) {
  if (args.empty()) return std::nullopt;
  const std::string_view title = trim(args.front());
  const auto words = split(title, ' ');
  if (words.size() < 2) return std::nullopt;
  const auto in_brackets = [&]() -> std::string_view {
    const std::size_t open = title.rfind('['), close = title.rfind(']');
    if (open == std::string_view::npos || close == std::string_view::npos || close <= open + 1) return {};
    return title.substr(open + 1, close - open - 1);
  };
  if (title.starts_with("gunicorn: "))
    return looks_like_module(in_brackets()) ? module_name(in_brackets()) : std::nullopt;
  if (title.starts_with("puma ") || title.starts_with("puma: ")) {
    return in_brackets().empty() ? std::nullopt : Name(std::string(in_brackets()));
  }
  if (words[0] == "sidekiq" && words.size() > 2 && !words[2].starts_with('[')) return std::string(words[2]);
  if (title.starts_with("php-fpm: pool ") && words[2] != "www") return std::string(words[2]);
  if (words[0] == "unicorn" || words[0] == "unicorn_rails" || title.starts_with("next-server") ||
      title.starts_with("npm ") || title.starts_with("Passenger")) {
    return project_name(cwd);
  }
  return std::nullopt;
}

// The program's own name where the arguments are to be read as a command line again.
std::string_view program_name(std::string_view exe_path, std::span<const std::string> args, std::string_view comm) {
  std::string_view name = base_name(without_deleted_mark(exe_path));
  const bool several = is_one_of(name, {"busybox", "toybox", "coreutils"});  // one program, many names
  if (name.empty() || several) {
    std::string_view first = args.empty() ? std::string_view() : std::string_view(args.front());
    if (first.starts_with('-')) first.remove_prefix(1);  // a login shell
    first = first.substr(0, first.find_first_of(": "));
    if (const std::string_view shown = base_name(first); !shown.empty() && shown != "/") name = shown;
  }
  return name.empty() ? trim(comm) : name;
}

Name of_program(std::string_view name, const Command& behind) {
  const Program* program = find_program(name);
  if (program == nullptr) {
    if (Name launched = of_python_launcher(name, behind)) return launched;
    return name.empty() ? std::nullopt : Name(std::string(name));
  }
  if (program->rule != nullptr) {
    if (Name name_of_script = program->rule(behind)) return name_of_script;
  }
  return std::string(program->plain);
}

// A dynamic loader that was started by hand names the program behind it.
std::span<const std::string> without_loader(std::string_view& name, std::span<const std::string> args) {
  if (!name.starts_with("ld-linux") && !name.starts_with("ld-musl")) return args;
  Command rest{args.subspan(std::min<std::size_t>(1, args.size())), {}, 0};
  if (!skip_options(rest, {"--library-path", "--preload", "--argv0", "--audit", "--inhibit-rpath"})) return args;
  name = base_name(rest.args.front());
  return rest.args;
}

}  // namespace

Name of_command(const Command& command) {
  if (command.args.empty() || command.depth > kMaxDepth) return std::nullopt;
  return of_program(base_name(command.args.front()), behind_first(command));
}

}  // namespace naming

std::string derive_service_name(const NamingInput& input) {
  using namespace naming;
  std::string_view name = program_name(input.exe_path, input.args, input.comm);
  const auto args = without_loader(name, input.args);
  Name found = of_title(args, input.cwd);
  if (!found) found = of_program(name, behind_first({args, input.cwd, 0}));
  std::string clean = to_clean_utf8(trim(found.value_or("")), kMaxName);
  return clean.empty() ? "unknown_service" : clean;
}

}  // namespace telegen
