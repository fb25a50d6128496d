#include <unistd.h>

#include <array>
#include <cstdio>

#include "command_line.h"

int main(int argc, char** argv) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const auto line = telegen::app::parse_command_line(argc, argv, telegen::environment_from(::environ), host.data());
  std::fputs(line.output.c_str(), stdout);
  std::fputs(line.complaint.c_str(), stderr);
  return line.command ? line.command() : line.exit_code;
}
