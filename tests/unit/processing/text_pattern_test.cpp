#include "processing/text_pattern.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace telegen {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  const auto compiled = TextPattern::compile(pattern);
  EXPECT_TRUE(compiled) << pattern << ": " << compiled.error().message;
  return compiled && compiled->matches(text);
}

TEST(TextPattern, AGlobMatchesTheWholeText) {
  EXPECT_TRUE(matches("/health", "/health"));
  EXPECT_FALSE(matches("/health", "/healthy"));
  EXPECT_FALSE(matches("/health", "/api/health"));
  EXPECT_TRUE(matches("kube-probe/*", "kube-probe/1.29"));
  EXPECT_TRUE(matches("kube-probe/*", "kube-probe/"));
  EXPECT_FALSE(matches("kube-probe/*", "a kube-probe/1.29"));
  EXPECT_TRUE(matches("/api/*/items", "/api/v1/x/items"));
  EXPECT_TRUE(matches("*", ""));
}

TEST(TextPattern, ARegexMatchesAnywhereUnlessItIsAnchored) {
  EXPECT_TRUE(matches("/v[0-9]+/", "/api/v12/items"));
  EXPECT_FALSE(matches("/^v[0-9]+$/", "/api/v12/items"));
  EXPECT_TRUE(matches("/^v[0-9]+$/", "v12"));
  EXPECT_TRUE(matches("/(?i)CURL/", "curl/8"));
  EXPECT_TRUE(matches("\\/static/", "/static/"));
  EXPECT_FALSE(matches("\\/static/", "a static b"));
  EXPECT_TRUE(matches("//", "//"));  // nothing in between: plain text
}

TEST(TextPattern, SaysWhatIsWrong) {
  EXPECT_FALSE(TextPattern::compile(""));
  EXPECT_FALSE(TextPattern::compile("[a"));
  EXPECT_FALSE(TextPattern::compile("/(a/"));
  EXPECT_EQ(TextPattern::compile("/(a/").error().message.find("'(a' is not a regular expression: "), 0U);
  EXPECT_FALSE(TextPattern::compile("/" + std::string(5000, 'a') + "/"));
  EXPECT_FALSE(TextPattern::compile("/((a{1000}){1000})/"));
}

// The shortcuts for plain text and for a prefix decide as the glob that they stand for.
TEST(TextPattern, DecidesAsTheGlob) {
  Random random(7);
  const auto text = [&random](std::string_view alphabet) {
    std::string out;
    for (std::uint64_t n = random.next() % 5; n > 0; --n) out += alphabet[random.next() % alphabet.size()];
    return out;
  };
  int matched = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string pattern = text("ab*?"), subject = text("ab");
    const auto glob = Glob::compile(pattern);
    const auto compiled = TextPattern::compile(pattern);
    ASSERT_EQ(glob.has_value(), compiled.has_value()) << pattern;
    if (!glob) continue;
    ASSERT_EQ(glob->matches(subject), compiled->matches(subject)) << pattern << " on " << subject;
    matched += glob->matches(subject) ? 1 : 0;
  }
  EXPECT_GT(matched, 1000);
}

TEST(TextPattern, AHostileRegexTakesLinearTime) {
  const auto pattern = TextPattern::compile("/^(a+)+$/");
  ASSERT_TRUE(pattern);
  EXPECT_FALSE(pattern->matches(std::string(1'000'000, 'a') + "b"));  // a backtracking matcher would not return
}

}  // namespace
}  // namespace telegen
