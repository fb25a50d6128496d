// The command line: the tree of commands and options, what is said about mistakes, and what is then to be done.
#pragma once

#include <functional>
#include <string>

#include "control/config/load.h"

namespace telegen::app {

struct CommandLine {
  std::function<int()> command;  // empty: nothing is left to do
  LoadRequest load;              // what the options say about the configuration; `command` has a copy
  int exit_code = 0;             // …but to end with this,
  std::string output;            // having written this to standard output
  std::string complaint;         // or this to standard error
};

// Pure: nothing is printed and no command is run.
CommandLine parse_command_line(int argc, const char* const* argv, const Environment& environment,
                               const std::string& host_name);

}  // namespace telegen::app
