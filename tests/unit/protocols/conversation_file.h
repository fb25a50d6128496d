// Reads tests/golden/protocols/*/NAME.txt; capture.py next to the files writes and describes them.
#pragma once

#include <fstream>
#include <string>

#include "protocol_properties.h"

namespace telegen::testing {

inline std::string unescape(Bytes text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'r': bytes += '\r'; break;
      case 'n': bytes += '\n'; break;
      case 't': bytes += '\t'; break;
      case 'x':
        bytes += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
        break;
      default: bytes += text[i];
    }
  }
  return bytes;
}

// As seen by the server, or by the client.
inline Conversation read_conversation(const std::string& name, bool as_server = true) {
  Conversation conversation{name, {}};
  std::ifstream file(std::string(TELEGEN_TESTDATA) + "/protocols/" + name + ".txt");
  EXPECT_TRUE(file.is_open()) << name;
  for (std::string line; std::getline(file, line);) {
    if (line.size() < 2 || line[0] == '#') continue;
    const Direction direction = (line[0] == 'c') == as_server ? Direction::kReceived : Direction::kSent;
    conversation.pieces.push_back({direction, unescape(Bytes(line).substr(2))});
  }
  return conversation;
}

}  // namespace telegen::testing
