// Private to naming: what the rules for the languages share.
#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace telegen::naming {

// The arguments behind the interpreter, and where it runs. A rule returns nullopt where the arguments tell nothing.
struct Command {
  std::span<const std::string> args;
  std::string_view cwd;
  int depth = 0;  // launchers within launchers: "opentelemetry-instrument gunicorn app:app"
};
using Name = std::optional<std::string>;
using Rule = Name (*)(const Command&);
// A set of words: a table, or a list written in place, which lives as long as the call.
class Words {
 public:
  Words(std::initializer_list<std::string_view> words) : words_(words.begin(), words.size()) {}
  template <std::size_t N>
  Words(const std::array<std::string_view, N>& words) : words_(words) {}
  auto begin() const { return words_.begin(); }
  auto end() const { return words_.end(); }

 private:
  std::span<const std::string_view> words_;
};

bool is_one_of(std::string_view word, Words words);

// "/srv/orders/dist" → "orders". Folders that every project has (src, dist, bin, …) and those of the system (/usr,
// /home/x) name nothing.
Name directory_name(std::string_view path);
// The project whose folder is `relative` to cwd.
Name project_name(std::string_view cwd, std::string_view relative = {});
// "/srv/orders/server.js" → "server"; where the file's name says nothing (index.js, main.py, manage.py), its folder.
Name script_name(std::string_view path, std::string_view cwd);
// "orders.wsgi:application" → "orders", "pkg.mod" → "pkg.mod".
Name module_name(std::string_view module);
// Could it be "package.module" or "package.module:attribute"?
bool looks_like_module(std::string_view text);

// The first argument that is neither an option nor the value of one of `options_with_value`; moves command.args there.
// "--" ends the options. False where there is none.
bool skip_options(Command& command, Words options_with_value);
// The value of an option in any of its forms: "--app x", "--app=x"; for one-letter options also "-Ax".
std::optional<std::string_view> option_value(std::span<const std::string> args, Words names);
Command behind_first(const Command& command);

// A command line again, its program first: of `opentelemetry-instrument python app.py`, the part from python on.
Name of_command(const Command& command);

Name of_python(const Command& command);
// A launcher of the Python world by its name ("gunicorn") and the arguments behind it.
Name of_python_launcher(std::string_view launcher, const Command& command);
Name of_uwsgi(const Command& command);
Name of_java(const Command& command);
Name of_node(const Command& command);
Name of_ruby(const Command& command);
Name of_php(const Command& command);
Name of_dotnet(const Command& command);
Name of_shell(const Command& command);
Name of_perl(const Command& command);
Name of_deno(const Command& command);

}  // namespace telegen::naming
