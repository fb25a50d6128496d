#include "processing/transform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "spans.h"

namespace telegen {
namespace {

using testing::resource_of;

// "key=value" of each attribute, in order; values as text.
std::vector<std::string> attributes_of(const Span& span) {
  std::vector<std::string> out;
  for (const Attribute& one : span.attributes) {
    const auto* text = std::get_if<std::string>(&one.value);
    const auto* whole = std::get_if<std::int64_t>(&one.value);
    out.push_back(std::string(one.key) + "=" +
                  (text != nullptr    ? *text
                   : whole != nullptr ? std::to_string(*whole)
                                      : "?"));
  }
  return out;
}

std::vector<std::string> after(const std::vector<TransformSettings>& settings, Span span) {
  AttributeKeys keys;
  KeyProblems problems;
  const Transforms transforms = Transforms::compile(settings, keys, problems);
  EXPECT_TRUE(problems.empty()) << to_error(problems).message;
  transforms.apply(span);
  return attributes_of(span);
}

Span small() {
  Span span;
  span.attributes = {{"a", std::string("1")}, {"b", std::int64_t{2}}, {"user.id", std::string("me")}};
  span.resource = resource_of("shop", {{"k8s.pod.name", std::string("pod-1")}});
  return span;
}

TEST(Transforms, Add) {
  EXPECT_THAT(after({{.action = "add", .key = "team", .value = "blue"}}, small()),
              ::testing::ElementsAre("a=1", "b=2", "user.id=me", "team=blue"));
  EXPECT_THAT(after({{.action = "add", .key = "a", .value = "new"}}, small()),
              ::testing::ElementsAre("a=new", "b=2", "user.id=me"));
  EXPECT_THAT(after({{.action = "add", .key = "copy", .from = "b"}}, small()),
              ::testing::ElementsAre("a=1", "b=2", "user.id=me", "copy=2"));
  EXPECT_THAT(after({{.action = "add", .key = "pod", .from = "k8s.pod.name"}}, small()),
              ::testing::ElementsAre("a=1", "b=2", "user.id=me", "pod=pod-1"));
  EXPECT_THAT(after({{.action = "add", .key = "copy", .from = "absent"}}, small()),
              ::testing::ElementsAre("a=1", "b=2", "user.id=me"));
  EXPECT_THAT(after({{.action = "add", .key = "a", .from = "a"}}, small()),
              ::testing::ElementsAre("a=1", "b=2", "user.id=me"));
  EXPECT_THAT(after({{.action = "add", .key = "empty"}}, small()),
              ::testing::ElementsAre("a=1", "b=2", "user.id=me", "empty="));
}

TEST(Transforms, Rename) {
  EXPECT_THAT(after({{.action = "rename", .key = "a", .to = "alpha"}}, small()),
              ::testing::ElementsAre("alpha=1", "b=2", "user.id=me"));
  EXPECT_THAT(after({{.action = "rename", .key = "a", .to = "b"}}, small()),
              ::testing::ElementsAre("b=1", "user.id=me"));
  EXPECT_THAT(after({{.action = "rename", .key = "b", .to = "a"}}, small()),
              ::testing::ElementsAre("a=2", "user.id=me"));
  EXPECT_THAT(after({{.action = "rename", .key = "a", .to = "a"}}, small()),
              ::testing::ElementsAre("a=1", "b=2", "user.id=me"));
  EXPECT_THAT(after({{.action = "rename", .key = "absent", .to = "b"}}, small()),
              ::testing::ElementsAre("a=1", "b=2", "user.id=me"));
}

TEST(Transforms, DeleteAndHash) {
  EXPECT_THAT(after({{.action = "delete", .key = "user.*"}}, small()), ::testing::ElementsAre("a=1", "b=2"));
  // The example values are those of FIPS 180-4 and of sha256sum.
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_THAT(after({{.action = "hash", .key = "/^[ab]$/"}}, small()),
              ::testing::ElementsAre("a=" + sha256_hex("1"), "b=" + sha256_hex("2"), "user.id=me"));
}

TEST(Transforms, OneAfterTheOtherAndOnlyWhere) {
  EXPECT_THAT(after({{.action = "add", .key = "copy", .from = "user.id"},
                     {.action = "hash", .key = "copy"},
                     {.action = "delete", .key = "user.id"},
                     {.action = "add", .key = "never", .value = "x", .when = {.service = "cart"}},
                     {.action = "add", .key = "always", .value = "x", .when = {.service = "sh*"}}},
                    small()),
              ::testing::ElementsAre("a=1", "b=2", "copy=" + sha256_hex("me"), "always=x"));
}

// Whatever the rules are, a span never has a key twice, and no attribute appears from nowhere.
TEST(Transforms, KeysStayUnique) {
  Random random(3);
  const auto name = [&random] { return std::string(1, static_cast<char>('a' + random.next() % 5)); };
  AttributeKeys keys;
  for (int i = 0; i < 5000; ++i) {
    std::vector<TransformSettings> settings(1 + random.next() % 6);
    for (TransformSettings& one : settings) {
      one.key = name();
      switch (random.next() % 4) {
        case 0: one.action = "add", one.value = "v"; break;
        case 1: one.action = "rename", one.to = name(); break;
        case 2: one.action = "delete"; break;
        default: one.action = "add", one.from = name(); break;
      }
    }
    KeyProblems problems;
    const Transforms transforms = Transforms::compile(settings, keys, problems);
    ASSERT_TRUE(problems.empty()) << to_error(problems).message;
    Span span = small();
    transforms.apply(span);
    std::set<std::string_view> seen;
    for (const Attribute& one : span.attributes) ASSERT_TRUE(seen.insert(one.key).second) << one.key;
    ASSERT_TRUE(seen.contains("user.id"));
    ASSERT_LE(seen.size(), 3 + settings.size());
  }
}

TEST(Transforms, KeysOutliveTheRules) {
  AttributeKeys keys;
  Span span = small();
  {
    KeyProblems problems;
    const std::string key(100, 'k');
    Transforms::compile({{.action = "add", .key = key, .value = "v"}}, keys, problems).apply(span);
  }
  EXPECT_EQ(span.attributes.back().key, std::string(100, 'k'));
  EXPECT_EQ(keys.keep(std::string(100, 'k')).data(), span.attributes.back().key.data());
}

TEST(Transforms, SayWhatIsWrong) {
  AttributeKeys keys;
  KeyProblems problems;
  Transforms::compile({{.action = "move", .key = "a"},
                       {.action = "add", .value = "x"},
                       {.action = "add", .key = "a", .value = "x", .from = "b"},
                       {.action = "rename", .key = "a"},
                       {.action = "delete", .key = "["},
                       {.action = "hash", .key = "a", .value = "x", .from = "y", .to = "z"},
                       {.action = "delete", .key = "a", .when = {.status = "bad"}}},
                      keys, problems);
  EXPECT_THAT(testing::keys_of(problems),
              ::testing::ElementsAre(
                  "pipeline.transform[0].action", "pipeline.transform[1].key", "pipeline.transform[2].from",
                  "pipeline.transform[3].to", "pipeline.transform[4].key", "pipeline.transform[5].value",
                  "pipeline.transform[5].from", "pipeline.transform[5].to", "pipeline.transform[6].when.status"));
}

}  // namespace
}  // namespace telegen
