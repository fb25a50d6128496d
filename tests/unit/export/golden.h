// What the official library wrote (tests/golden/export).
#pragma once

#include <fstream>
#include <sstream>
#include <string>

namespace telegen::testing {

inline std::string golden(const std::string& name) {
  std::ifstream file(std::string(TELEGEN_TESTDATA) + "/export/" + name, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace telegen::testing
