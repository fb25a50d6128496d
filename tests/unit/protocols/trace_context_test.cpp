#include "protocols/core/trace_context.h"

#include <gtest/gtest.h>

#include <array>

#include "protocols/core/text.h"

namespace telegen {
namespace {

const std::string kTrace = "0af7651916cd43dd8448eb211c80319c";
const std::string kSpan = "b7ad6b7169203331";

TEST(Traceparent, AValidOneGivesAllItsFields) {
  const TraceContext context = parse_traceparent("00-" + kTrace + "-" + kSpan + "-01");
  ASSERT_TRUE(context.valid());
  EXPECT_EQ(context.trace_id.bytes, (std::array<std::uint8_t, 16>{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84,
                                                                  0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c}));
  EXPECT_EQ(context.span_id.bytes, (std::array<std::uint8_t, 8>{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31}));
  EXPECT_EQ(context.flags, 1);
  EXPECT_EQ(context.state, "");
  EXPECT_EQ(parse_traceparent("00-" + kTrace + "-" + kSpan + "-ff").flags, 0xff);
}

TEST(Traceparent, LaterVersionsMayBeLongerButOnlyAfterADash) {
  EXPECT_TRUE(parse_traceparent("cc-" + kTrace + "-" + kSpan + "-01").valid());
  EXPECT_TRUE(parse_traceparent("cc-" + kTrace + "-" + kSpan + "-01-what").valid());
  EXPECT_FALSE(parse_traceparent("cc-" + kTrace + "-" + kSpan + "-01what").valid());
  EXPECT_FALSE(parse_traceparent("00-" + kTrace + "-" + kSpan + "-01-what").valid());
}

TEST(Traceparent, WhatTheSpecificationForbidsIsNotUsed) {
  const std::string upper = "0AF7651916CD43DD8448EB211C80319C";
  for (const std::string& bad :
       {std::string(), std::string("00"), "ff-" + kTrace + "-" + kSpan + "-01", "00-" + upper + "-" + kSpan + "-01",
        "00-" + std::string(32, '0') + "-" + kSpan + "-01", "00-" + kTrace + "-" + std::string(16, '0') + "-01",
        "00_" + kTrace + "-" + kSpan + "-01", "00-" + kTrace + "-" + kSpan + "-0x", "00-" + kTrace + "-" + kSpan + "-1",
        "0g-" + kTrace + "-" + kSpan + "-01", " 00-" + kTrace + "-" + kSpan + "-01", "00-" + kTrace + kSpan + "--01"}) {
    EXPECT_FALSE(parse_traceparent(bad).valid()) << bad;
  }
}

std::string join(std::vector<Bytes> values) { return join_tracestate(values); }

TEST(Tracestate, HeadersAreJoinedInOrder) {
  EXPECT_EQ(join({"a=1, b=2", "", " c=3 ,,"}), "a=1,b=2,c=3");
  EXPECT_EQ(join({"tenant@system=opaque"}), "tenant@system=opaque");
  EXPECT_EQ(join({}), "");
}

TEST(Tracestate, AListWithAFaultIsDroppedWhole) {
  for (const Bytes bad : {"a=1,b", "a=1,A=2", "a=1,b=", "=1", "a=1,a=2", "a=1\x01", "a=b=c", "@a=1", "a=\xc3\xa9"}) {
    EXPECT_EQ(join({bad}), "") << bad;
  }
  std::string many;
  for (int i = 0; i < 33; ++i) many += (i > 0 ? ",k" : "k") + std::to_string(i) + "=v";
  EXPECT_EQ(join({many}), "");
  EXPECT_EQ(join({many.substr(0, many.rfind(','))}), many.substr(0, many.rfind(',')));
  const std::string big = "a=" + std::string(256, 'x');
  EXPECT_EQ(join({big}), big);
  EXPECT_EQ(join({big, "b=" + std::string(256, 'x')}), "");
  EXPECT_EQ(join({big + "x"}), "");
}

TEST(Text, BecomesValidUtf8OfLimitedLength) {
  EXPECT_EQ(to_utf8("plain", 10), "plain");
  EXPECT_EQ(to_utf8("plain", 3), "pla");
  EXPECT_EQ(to_utf8("gr\xc3\xbc\xc3\x9f", 10), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(to_utf8("gr\xc3\xbc", 3), "gr") << "a character is not cut in two";
  EXPECT_EQ(to_utf8("a\xff\xc3(\xed\xa0\x80\xf5z", 20),
            "a?"
            "?(????z");
  EXPECT_EQ(to_utf8(Bytes("\0\r\n\t\x7f", 5), 20), "?   ?");
  EXPECT_EQ(to_utf8("\xf0\x9f\x98\x80", 4), "\xf0\x9f\x98\x80");
  EXPECT_EQ(to_utf8("\xf0\x9f\x98\x80", 3), "");
}

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
