// Completion scripts for shells, from the tree of commands itself: a new option completes without further work.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace telegen::app {

struct CompletedOption {
  std::string name;  // "--log-level"
  std::string description;
  bool takes_value = false;
  bool takes_file = false;
  std::vector<std::string> choices;  // its possible values, if they are a closed set
};

struct CompletedCommand {
  std::string name;  // empty: the program itself
  std::string description;
  std::vector<CompletedOption> options;
  std::vector<std::string> words;  // possible positional words
  bool takes_file = false;         // a positional file name
};

// `shell`: bash, zsh or fish.
std::string completion_script(std::string_view shell, const std::vector<CompletedCommand>& commands);

}  // namespace telegen::app
