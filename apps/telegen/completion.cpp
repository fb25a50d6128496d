#include "completion.h"

#include <algorithm>

namespace telegen::app {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out += "'";
}

std::string words_of(const CompletedCommand& command, const std::vector<CompletedCommand>& all) {
  std::vector<std::string> words = command.words;
  if (command.name.empty()) {
    for (const CompletedCommand& other : all) {
      if (!other.name.empty()) words.push_back(other.name);
    }
  }
  for (const CompletedOption& option : command.options) words.push_back(option.name);
  return joined(words);
}

std::string bash_values(const std::vector<CompletedCommand>& commands) {
  std::string out;
  std::vector<std::string> done;
  for (const CompletedCommand& command : commands) {
    for (const CompletedOption& option : command.options) {
      if (!option.takes_value || std::ranges::find(done, option.name) != done.end()) continue;
      done.push_back(option.name);
      out += "    " + option.name + ") ";
      if (option.takes_file)
        out += "COMPREPLY=($(compgen -f -- \"$current\"))";
      else
        out += "COMPREPLY=($(compgen -W " + single_quoted(joined(option.choices)) + " -- \"$current\"))";
      out += "; return ;;\n";
    }
  }
  return out;
}

std::string bash(const std::vector<CompletedCommand>& commands) {
  std::string names;
  for (const CompletedCommand& command : commands) {
    if (!command.name.empty()) names += (names.empty() ? "" : "|") + command.name;
  }
  std::string out =
      "# telegen completion bash > /etc/bash_completion.d/telegen\n"
      "_telegen() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\" command= word\n"
      "  COMPREPLY=()\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$word\" in " +
      names +
      ") command=\"$word\"; break ;; esac\n"
      "  done\n"
      "  case \"$previous\" in\n" +
      bash_values(commands) +
      "  esac\n"
      "  case \"$command\" in\n";
  for (const CompletedCommand& command : commands) {
    out += "    " + (command.name.empty() ? std::string("''") : command.name) + ") COMPREPLY=($(compgen " +
           (command.takes_file ? "-f " : "") + "-W " + single_quoted(words_of(command, commands)) +
           " -- \"$current\")) ;;\n";
  }
  return out + "  esac\n}\ncomplete -F _telegen telegen\n";
}

std::string zsh_options(const CompletedCommand& command) {
  std::string out;
  for (const CompletedOption& option : command.options) {
    std::string text = option.description;
    std::erase_if(text, [](char c) { return c == '[' || c == ']' || c == ':'; });
    std::string spec = option.name + "[" + text + "]";
    if (option.takes_value) spec += option.takes_file ? ":file:_files" : ":value:(" + joined(option.choices) + ")";
    out += " " + single_quoted(spec);
  }
  if (!command.words.empty()) out += " " + single_quoted("1:word:(" + joined(command.words) + ")");
  if (command.takes_file) out += " " + single_quoted("1:file:_files");
  return out;
}

std::string zsh(const std::vector<CompletedCommand>& commands) {
  std::string described;
  std::string cases;
  std::string root;
  for (const CompletedCommand& command : commands) {
    if (command.name.empty()) {
      root = zsh_options(command);
      continue;
    }
    described += "    " + single_quoted(command.name + ":" + command.description) + "\n";
    cases += "    " + command.name + ") _arguments" + zsh_options(command) + " ;;\n";
  }
  return "#compdef telegen\n# telegen completion zsh > \"${fpath[1]}/_telegen\"\n"
         "_telegen() {\n"
         "  local curcontext=\"$curcontext\" state line\n"
         "  local -a commands=(\n" +
         described +
         "  )\n"
         "  _arguments -C" +
         root +
         " '1:command:->command' '*::argument:->argument'\n"
         "  case \"$state\" in\n"
         "    command) _describe command commands ;;\n"
         "    argument) case \"${line[1]}\" in\n" +
         cases +
         "    esac ;;\n"
         "  esac\n}\n"
         "_telegen \"$@\"\n";
}

std::string fish(const std::vector<CompletedCommand>& commands) {
  std::string out = "# telegen completion fish > ~/.config/fish/completions/telegen.fish\ncomplete -c telegen -f\n";
  for (const CompletedCommand& command : commands) {
    const std::string when =
        command.name.empty() ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + command.name;
    const std::string prefix = "complete -c telegen -n " + single_quoted(when);
    if (!command.name.empty()) {
      out += "complete -c telegen -n __fish_use_subcommand -a " + command.name + " -d " +
             single_quoted(command.description) + "\n";
    }
    for (const CompletedOption& option : command.options) {
      out += prefix + " -l " + option.name.substr(2) + " -d " + single_quoted(option.description);
      if (option.takes_value) out += option.takes_file ? " -r -F" : " -x";
      if (!option.choices.empty()) out += " -a " + single_quoted(joined(option.choices));
      out += "\n";
    }
    if (!command.words.empty()) out += prefix + " -a " + single_quoted(joined(command.words)) + "\n";
    if (command.takes_file) out += prefix + " -F\n";
  }
  return out;
}

}  // namespace

std::string completion_script(std::string_view shell, const std::vector<CompletedCommand>& commands) {
  if (shell == "bash") return bash(commands);
  if (shell == "zsh") return zsh(commands);
  return fish(commands);
}

}  // namespace telegen::app
