// telegen-config-docs FILE: writes docs/configuration.md. Run by the build target config_docs.
#include <cstdio>
#include <fstream>

#include "control/config/documentation.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: telegen-config-docs FILE\n", stderr);
    return 2;
  }
  std::ofstream file(argv[1], std::ios::binary);
  file << telegen::configuration_markdown();
  file.close();
  if (file) return 0;
  std::perror(argv[1]);
  return 1;
}
