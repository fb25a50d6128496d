#include <algorithm>
#include <array>

#include "discovery/naming_parts.h"
#include "discovery/text.h"

namespace telegen::naming {
namespace {

enum class Launches {
  kModule,         // the first argument that is a module: gunicorn orders.wsgi:app
  kAppOption,      // the module of -A/--app: celery -A orders worker
  kScript,         // the script behind a sub-command: streamlit run orders.py
  kCommand,        // a whole command again: opentelemetry-instrument python app.py
  kPythonCommand,  // python's own arguments again: coverage run -m orders
  kProject,        // whatever is in the working directory: django-admin runserver
};

struct Launcher {
  std::string_view name;
  Launches launches;
};
constexpr std::array kLaunchers = {
    Launcher{"gunicorn", Launches::kModule},         Launcher{"uvicorn", Launches::kModule},
    Launcher{"hypercorn", Launches::kModule},        Launcher{"daphne", Launches::kModule},
    Launcher{"granian", Launches::kModule},          Launcher{"waitress-serve", Launches::kModule},
    Launcher{"waitress", Launches::kModule},         Launcher{"celery", Launches::kAppOption},
    Launcher{"flask", Launches::kAppOption},         Launcher{"streamlit", Launches::kScript},
    Launcher{"fastapi", Launches::kScript},          Launcher{"opentelemetry-instrument", Launches::kCommand},
    Launcher{"ddtrace-run", Launches::kCommand},     Launcher{"newrelic-admin", Launches::kCommand},
    Launcher{"elastic-apm-run", Launches::kCommand}, Launcher{"coverage", Launches::kPythonCommand},
    Launcher{"debugpy", Launches::kPythonCommand},   Launcher{"django-admin", Launches::kProject},
};

// Options whose value is an argument of its own, of all launchers together: a value taken for a module is a wrong name.
constexpr auto kLauncherValues = std::to_array<std::string_view>({"-b",
                                                                  "--bind",
                                                                  "-k",
                                                                  "--worker-class",
                                                                  "-c",
                                                                  "--config",
                                                                  "-w",
                                                                  "--workers",
                                                                  "-t",
                                                                  "--timeout",
                                                                  "--threads",
                                                                  "-n",
                                                                  "--name",
                                                                  "-u",
                                                                  "--user",
                                                                  "-g",
                                                                  "--group",
                                                                  "-p",
                                                                  "--port",
                                                                  "--host",
                                                                  "-h",
                                                                  "--log-level",
                                                                  "--log-config",
                                                                  "--chdir",
                                                                  "--env",
                                                                  "-e",
                                                                  "--pid",
                                                                  "--access-logfile",
                                                                  "--error-logfile",
                                                                  "--log-file",
                                                                  "--worker-tmp-dir",
                                                                  "--graceful-timeout",
                                                                  "--keep-alive",
                                                                  "--max-requests",
                                                                  "--max-requests-jitter",
                                                                  "--forwarded-allow-ips",
                                                                  "--root-path",
                                                                  "--loop",
                                                                  "--http",
                                                                  "--ws",
                                                                  "--interface",
                                                                  "--ssl-keyfile",
                                                                  "--ssl-certfile",
                                                                  "--keyfile",
                                                                  "--certfile",
                                                                  "--reload-dir",
                                                                  "--app-dir",
                                                                  "--limit-concurrency",
                                                                  "--backlog",
                                                                  "--uds",
                                                                  "--fd",
                                                                  "--listen",
                                                                  "--unix-socket",
                                                                  "--exporter",
                                                                  "--traces_exporter",
                                                                  "--metrics_exporter",
                                                                  "--logs_exporter",
                                                                  "--service_name",
                                                                  "-l",
                                                                  "--concurrency",
                                                                  "-Q",
                                                                  "--queues",
                                                                  "--rcfile"});

Name of_module_launcher(const Command& command) {
  if (const auto directory = option_value(command.args, {"--chdir", "--app-dir"})) {
    Command inside = command;
    inside.cwd = *directory;
    if (skip_options(inside, kLauncherValues)) return module_name(inside.args.front());
  }
  Command rest = command;
  while (skip_options(rest, kLauncherValues)) {
    if (looks_like_module(rest.args.front())) {
      // "app:app" is called app; "main:app" says nothing, so the project's folder does.
      const Name name = module_name(rest.args.front());
      if (name && !is_one_of(*name, {"main", "wsgi", "asgi"})) return name;
      if (Name project = project_name(command.cwd)) return project;
      return name;
    }
    rest = behind_first(rest);
  }
  return project_name(command.cwd);
}

Name of_script_behind_subcommand(const Command& command) {
  Command rest = command;
  if (!skip_options(rest, kLauncherValues)) return std::nullopt;
  rest = behind_first(rest);  // "run", "dev"
  if (!skip_options(rest, kLauncherValues)) return project_name(command.cwd);
  return script_name(rest.args.front(), command.cwd);
}

Name of_command_behind(const Command& command) {
  Command rest = command;
  if (!skip_options(rest, kLauncherValues)) return std::nullopt;
  if (is_one_of(rest.args.front(), {"run-program", "run"})) rest = behind_first(rest);
  if (rest.args.empty()) return std::nullopt;
  ++rest.depth;
  return of_command(rest);
}

}  // namespace

Name of_python_launcher(std::string_view launcher, const Command& command) {
  for (const Launcher& known : kLaunchers) {
    std::string_view tail = launcher;
    if (!tail.starts_with(known.name)) continue;
    tail.remove_prefix(known.name.size());
    if (!std::all_of(tail.begin(), tail.end(), is_digit)) continue;  // gunicorn3
    switch (known.launches) {
      case Launches::kModule: return of_module_launcher(command);
      case Launches::kAppOption: {
        const auto app = option_value(command.args, {"-A", "--app"});
        if (!app || app->empty()) return project_name(command.cwd);
        const std::string_view module = app->substr(0, app->find(':'));  // flask takes "hello.py:app" as well
        return module.ends_with(".py") ? script_name(module, command.cwd) : module_name(module);
      }
      case Launches::kScript: return of_script_behind_subcommand(command);
      case Launches::kCommand: return of_command_behind(command);
      case Launches::kPythonCommand: {
        Command rest = command;
        if (!rest.args.empty() && rest.args.front() == "run") rest = behind_first(rest);
        ++rest.depth;
        return rest.depth > 4 ? std::nullopt : of_python(rest);
      }
      case Launches::kProject: return project_name(command.cwd);
    }
  }
  return std::nullopt;
}

// python [-bBdEhiIOPqRsSuvVWx?] [-c command | -m module | script | -] [arguments]: letters may share one dash.
Name of_python(const Command& command) {
  Command rest = command;
  while (!rest.args.empty()) {
    const std::string_view arg = rest.args.front();
    rest = behind_first(rest);
    if (!arg.starts_with('-')) {
      if (Name name = of_python_launcher(base_name(arg), rest)) return name;
      return script_name(arg, command.cwd);
    }
    if (is_one_of(arg, {"-", "--"})) return std::nullopt;
    if (arg.starts_with("--")) {
      if (is_one_of(arg, {"--check-hash-based-pycs", "--listen", "--connect", "--rcfile", "--source"}))
        rest = behind_first(rest);
      continue;
    }
    const std::size_t letter = arg.find_first_of("cmWX", 1);
    if (letter == std::string_view::npos) continue;
    std::string_view value = arg.substr(letter + 1);
    if (value.empty() && !rest.args.empty()) {
      value = rest.args.front();
      rest = behind_first(rest);
    }
    if (arg[letter] == 'c') return std::nullopt;
    if (arg[letter] != 'm') continue;
    if (Name name = of_python_launcher(value, rest)) return name;
    return module_name(value);
  }
  return std::nullopt;
}

Name of_uwsgi(const Command& command) {
  if (const auto module = option_value(command.args, {"--module", "--wsgi", "-w"})) return module_name(*module);
  if (const auto file = option_value(command.args, {"--wsgi-file", "--file", "--ini", "--yaml", "--json"})) {
    const Name name = script_name(*file, command.cwd);
    if (name && *name != "uwsgi") return name;
  }
  return project_name(option_value(command.args, {"--chdir"}).value_or(command.cwd));
}

}  // namespace telegen::naming
