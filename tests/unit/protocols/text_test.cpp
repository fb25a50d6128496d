#include "protocols/core/text.h"

#include <gtest/gtest.h>

#include <string>

namespace telegen {
namespace {

TEST(Text, FindsEveryByteThatIsNotPlainWhereverItIs) {
  for (std::size_t length = 1; length <= 20; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      for (int value = 0; value < 256; ++value) {
        for (const char around : {' ', '~'}) {  // the lowest and the highest of the plain ones
          std::string bytes(length, around), expected(length, around);
          bytes[at] = static_cast<char>(value);
          const bool blank = value == '\t' || value == '\r' || value == '\n';
          const bool plain = value >= 0x20 && value < 0x7f;
          expected[at] = plain ? bytes[at] : blank ? ' ' : '?';
          ASSERT_EQ(to_utf8(bytes, 64), expected) << length << " " << at << " " << value;
        }
      }
    }
  }
}

}  // namespace
}  // namespace telegen
