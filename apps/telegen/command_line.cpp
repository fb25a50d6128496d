#include "command_line.h"

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <utility>

#include "commands.h"
#include "completion.h"
#include "control/config/problem.h"
#include "exit_code.h"

namespace telegen::app {
namespace {

// What the options were set to; it lives as long as the tree that writes into it.
struct Values {
  std::string config;
  std::map<std::string, std::string> overrides;  // option → text, for those that stand for one key
  std::vector<std::string> instrument;
  std::vector<std::string> force_probe;
  std::vector<std::string> output;
  std::string file;
  std::string address;
  std::string shell;
  bool json = false;
  bool show = false;
  bool self_check = false;
};

struct KeyOption {
  const char* name;
  const char* path;
  const char* value;
  const char* help;
  std::vector<std::string> choices;
};

const std::vector<KeyOption>& key_options() {
  static const std::vector<KeyOption> kOptions = {
      {"--mode", "telegen.mode", "MODE", "What to run as", {"agent"}},
      {"--endpoint", "otlp.endpoint", "HOST:PORT", "Where OTLP goes to", {}},
      {"--protocol", "otlp.protocol", "PROTOCOL", "How OTLP is sent", {"grpc", "http"}},
      {"--log-level",
       "telegen.log_level",
       "LEVEL",
       "The least severe log line that is written",
       {"trace", "debug", "info", "warn", "error", "off"}},
  };
  return kOptions;
}

void add_config_option(CLI::App& app, Values& values) {
  app.add_option("--config", values.config, "The configuration file (else ./telegen.yaml, /etc/telegen/telegen.yaml)")
      ->type_name("FILE");
}

void add_run_options(CLI::App& app, Values& values) {
  add_config_option(app, values);
  for (const KeyOption& option : key_options()) {
    // A choice is checked with the configuration, so that all mistakes are found in one run and in the same words.
    app.add_option(option.name, values.overrides[option.name], option.help)->type_name(option.value);
  }
  app.add_option("--output", values.output, "Where else spans go: console or file:PATH (repeatable)")
      ->type_name("OUTPUT")
      ->allow_extra_args(false);
  app.add_option("--instrument", values.instrument, "What to watch, as in discovery.instrument (repeatable)")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--force-probe", values.force_probe, "Which candidate a hook uses, for tests and support (repeatable)")
      ->type_name("HOOK=CANDIDATE")
      ->allow_extra_args(false);
}

// Options in CLI11 hold their value under their name; those that were not given are not overrides.
Result<std::vector<Override>> overrides_of(const CLI::App& app, const Values& values) {
  std::vector<Override> overrides;
  const auto given = [&](const char* name) {
    const CLI::Option* option = app.get_option_no_throw(name);
    return option != nullptr && option->count() > 0;
  };
  for (const KeyOption& option : key_options()) {
    if (given(option.name)) overrides.push_back({option.name, option.path, values.overrides.at(option.name)});
  }
  for (const std::string& output : values.output) {
    if (output == "console")
      overrides.push_back({"--output", "output.console", "always"});
    else if (output.starts_with("file:") && output.size() > 5)
      overrides.push_back({"--output", "output.file.path", output.substr(5)});
    else
      return fail("option --output: '" + output + "' is not possible; write console or file:PATH",
                  ErrorKind::kConfiguration);
  }
  Override instrument{"--instrument", "discovery.instrument", "", {}};
  for (const std::string& entry : values.instrument) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(
          "option --instrument: '" + entry + "' has no '='; write it like open_ports=8080 or exe_path=/usr/bin/*",
          ErrorKind::kConfiguration);
    }
    instrument.entries.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  if (!instrument.entries.empty()) overrides.push_back(std::move(instrument));
  Override forced{"--force-probe", "agent.ebpf.force_probe", ""};
  for (const std::string& one : values.force_probe) forced.text += (forced.text.empty() ? "" : ",") + one;
  if (!forced.text.empty()) overrides.push_back(std::move(forced));
  return overrides;
}

class Tree {
 public:
  Tree() {
    app_.name("telegen");
    app_.require_subcommand(0, 1);
    app_.footer("Documentation: docs/commands.md, docs/configuration.md. With no command: run.");
    add_run_options(app_, values_);
    add_run_options(add("run", "Watch this host and send what is seen (the default)"), values_);
    add_flag_json(add("doctor", "Show what this kernel and this user allow, and which probes would run"));
    CLI::App& validate = add("validate", "Check the configuration");
    add_config_option(validate, values_);
    validate.add_flag("--show", values_.show, "Print the configuration in effect, secrets masked");
    for (CLI::App* app :
         {&add("status", "Show the state of the running agent"), &add("top", "Show it again every second")}) {
      add_config_option(*app, values_);
      app->add_option("--address", values_.address, "Where the agent's API listens")->type_name("HOST:PORT");
      if (app->get_name() == "status") add_flag_json(*app);
    }
    for (CLI::App* app : {&add("record", "Run and write every captured event to a file"),
                          &add("replay", "Run on the events of a file, without privileges")}) {
      add_run_options(*app, values_);
      app->add_option("FILE", values_.file, "The file of events")->required()->type_name("");
    }
    add_flag_json(add("version", "Show the version"));
    add("completion", "Print a completion script")
        .add_option("SHELL", values_.shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}))
        ->type_name("");
    CLI::App& worker = add("worker", "Started by the agent itself");
    worker.group("");  // no help: a user has no use for it
    worker.add_flag("--self-check", values_.self_check, "Try what a worker may not do, and print what came of it");
    for (CLI::App* command : app_.get_subcommands({})) command->fallthrough(false);
  }

  CLI::App& app() { return app_; }
  const Values& values() const { return values_; }
  const CLI::App& chosen() const {
    const auto commands = app_.get_subcommands();
    return commands.empty() ? app_ : *commands.front();
  }

 private:
  CLI::App& add(const std::string& name, const std::string& help) { return *app_.add_subcommand(name, help); }
  void add_flag_json(CLI::App& app) { app.add_flag("--json", values_.json, "Print JSON"); }

  CLI::App app_{"Zero-configuration observability for Linux: eBPF in, OpenTelemetry out."};
  Values values_;
};

CompletedCommand completed(const CLI::App& app, bool is_root) {
  CompletedCommand command{is_root ? "" : app.get_name(), app.get_description(), {}, {}, false};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      if (option->get_name() == "SHELL")
        command.words = {"bash", "zsh", "fish"};
      else
        command.takes_file = true;
      continue;
    }
    CompletedOption done{.name = "--" + option->get_lnames().front(),
                         .description = option->get_description(),
                         .takes_value = option->get_expected_max() > 0,
                         .takes_file = option->get_type_name() == "FILE"};
    for (const KeyOption& known : key_options()) {
      if (known.name == done.name) done.choices = known.choices;
    }
    command.options.push_back(std::move(done));
  }
  return command;
}

std::string completion(const CLI::App& root, const std::string& shell) {
  std::vector<CompletedCommand> commands = {completed(root, true)};
  for (const CLI::App* app :
       root.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); })) {
    commands.push_back(completed(*app, false));
  }
  return completion_script(shell, commands);
}

// "telegen: unknown option '--endpiont'; nearest valid option '--endpoint'".
std::string complaint_about_extras(const Tree& tree, const CLI::App& root) {
  const std::vector<std::string> extras = root.remaining(true);
  const std::string word = extras.empty() ? "" : extras.front();
  const bool is_option = word.starts_with('-');
  std::vector<std::string> known;
  if (is_option) {
    for (const CLI::Option* option : tree.chosen().get_options()) {
      if (!option->get_positional()) known.push_back("--" + option->get_lnames().front());
    }
  } else if (&tree.chosen() == &root) {
    for (const CLI::App* app :
         root.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); })) {
      known.push_back(app->get_name());
    }
  }
  const std::string kind = is_option ? "option" : known.empty() ? "argument" : "command";
  const std::string asked = is_option ? word.substr(0, word.find('=')) : word;
  const auto near = config::nearest(asked, {known.begin(), known.end()});
  const std::string help =
      &tree.chosen() == &root ? "telegen --help" : "telegen " + tree.chosen().get_name() + " --help";
  return "unknown " + kind + " '" + asked + "'" +
         (near.empty() ? "; '" + help + "' lists what there is"
                       : "; nearest valid " + kind + " '" + std::string(near) + "'");
}

bool has_given_options(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > 0) return true;
  }
  return false;
}

CommandLine usage_error(const std::string& message) {
  return {.exit_code = kConfiguration, .complaint = "telegen: " + message + "\n"};
}

std::function<int()> command_for(const std::string& name, LoadRequest load, const Values& v) {
  if (name == "doctor") return [o = DoctorOptions{v.json}] { return run_doctor(o); };
  if (name == "validate") return [o = ValidateOptions{std::move(load), v.show}] { return run_validate(o); };
  if (name == "status") return [o = StatusOptions{std::move(load), v.address, v.json}] { return run_status(o); };
  if (name == "top") return [o = StatusOptions{std::move(load), v.address, false}] { return run_top(o); };
  if (name == "record") return [o = RecordOptions{{std::move(load)}, v.file}] { return run_record(o); };
  if (name == "replay") return [o = ReplayOptions{{std::move(load)}, v.file}] { return run_replay(o); };
  if (name == "version") return [o = VersionOptions{v.json}] { return run_version(o); };
  if (name == "worker") return [o = WorkerOptions{v.self_check}] { return run_worker(o); };
  return [o = RunOptions{std::move(load)}] { return run_agent(o); };
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv, const Environment& environment,
                               const std::string& host_name) {
  Tree tree;
  try {
    tree.app().parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return {.output = tree.app().help()};
  } catch (const CLI::ExtrasError&) {
    return usage_error(complaint_about_extras(tree, tree.app()));
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what());
  }
  const CLI::App& chosen = tree.chosen();
  if (chosen.get_name() == "completion") return {.output = completion(tree.app(), tree.values().shell)};
  const bool is_root = &chosen == &tree.app();
  if (!is_root && has_given_options(tree.app())) {
    return usage_error("options stand after the command: telegen " + chosen.get_name() + " --option");
  }
  auto overrides = overrides_of(chosen, tree.values());
  if (!overrides) return usage_error(overrides.error().message);
  LoadRequest load{.environment = environment, .options = *std::move(overrides), .host_name = host_name};
  if (!tree.values().config.empty()) load.file = tree.values().config;
  return {.command = command_for(is_root ? "run" : chosen.get_name(), load, tree.values()), .load = load};
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): of CLI11's shared_ptr; LeakSanitizer sees none in the tests

}  // namespace telegen::app
