// The visitors over a declaration of every kind of key: each class of error with its exact words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "config_reading.h"
#include "control/config/environment.h"
#include "control/config/load.h"
#include "control/config/printer.h"
#include "control/config/scalar.h"
#include "control/config/schema.h"

namespace telegen::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ConfigRead, EveryKindOfValue) {
  Example e;
  EXPECT_THAT(read(R"(
otlp:
  enabled: false
  endpoint: "https://collector:4317"
  protocol: http
  timeout: 1500ms
  headers: {x-a: b, "x c": "d,e"}
  traces: {batch_size: 1, ratio: 1e-3, unbounded: -9223372036854775808}
  auth:
    password: 's3cret'
queue: {limit: 1Gi}
discovery:
  languages: [go, python]
  instrument:
    - {exe_path: /usr/bin/*, pids: [1, 2]}
    - weight: 9
)",
                   e),
              IsEmpty());
  EXPECT_EQ(e, (Example{.enabled = false,
                        .batch_size = 1,
                        .unbounded = INT64_MIN,
                        .ratio = 0.001,
                        .endpoint = "https://collector:4317",
                        .protocol = "http",
                        .password = "s3cret",
                        .limit = {1U << 30},
                        .timeout = std::chrono::milliseconds(1500),
                        .languages = {"go", "python"},
                        .headers = {{"x-a", "b"}, {"x c", "d,e"}},
                        .instrument = {{"/usr/bin/*", {"1", "2"}, 1}, {"", {}, 9}}}));
}

TEST(ConfigRead, NothingIsNothing) {
  for (const std::string_view yaml : {"", "\n\n", "# only a comment\n", "---\n", "otlp:\n", "otlp: {headers: , auth: }",
                                      "discovery:\n  instrument:\n  languages:\n"}) {
    Example e;
    EXPECT_THAT(read(yaml, e), IsEmpty()) << yaml;
    EXPECT_EQ(e, Example{}) << yaml;
  }
}

TEST(ConfigRead, AllErrorsInOneRunInTheOrderOfTheFile) {
  EXPECT_THAT(
      read(R"(queue:
  limit: 1Ki
otlp:
  endpont: x
  protocol: htpp
  timeout: 10
  enabled: yes
  traces: {batch_size: many, ratio: 1.5}
discovery:
  instrument:
    - {pid: 1}
    - {weight: 10}
    - word
)"),
      ElementsAre("t.yaml:2: queue.limit: must be 4Ki to 1Gi, not '1Ki'",
                  "t.yaml:4: otlp.endpont: unknown key; nearest valid key 'endpoint'",
                  "t.yaml:5: otlp.protocol: 'htpp' is not possible; nearest valid value 'http', choose grpc or http",
                  "t.yaml:6: otlp.timeout: '10' has no unit; write 10s or 10ms",
                  "t.yaml:7: otlp.enabled: 'yes' is not a boolean; write true or false",
                  "t.yaml:8: otlp.traces.batch_size: 'many' is not a whole number",
                  "t.yaml:8: otlp.traces.ratio: must be 0 to 1, not '1.5'",
                  "t.yaml:11: discovery.instrument[0].pid: unknown key; nearest valid key 'pids'",
                  "t.yaml:12: discovery.instrument[1].weight: must be 1 to 9, not '10'",
                  "t.yaml:13: discovery.instrument[2]: is a mapping of keys, not a single value"));
}

TEST(ConfigRead, UnknownKeys) {
  EXPECT_THAT(read("otpl: {}"), ElementsAre("t.yaml:1: otpl: unknown key; nearest valid key 'otlp'"));
  EXPECT_THAT(read("batch_size: 3"),
              ElementsAre("t.yaml:1: batch_size: unknown key; nearest valid key 'otlp.traces.batch_size'"));
  EXPECT_THAT(read("queue: {colour: red}"), ElementsAre("t.yaml:1: queue.colour: unknown key; valid keys here: limit"));
  EXPECT_THAT(read("<<: {}"), ElementsAre("t.yaml:1: <<: merge keys are not supported; write the keys out"));
  EXPECT_THAT(read("\"bad\\x1b[2Jkey\": 1"), ElementsAre(HasSubstr("t.yaml:1: bad?[2Jkey: unknown key")));
}

TEST(ConfigRead, WrongShapes) {
  EXPECT_THAT(read("- a\n- b"), ElementsAre("t.yaml:1: a configuration is a mapping of sections, this is a list"));
  EXPECT_THAT(read("hello"), ElementsAre("t.yaml:1: a configuration is a mapping of sections, this is a single value"));
  EXPECT_THAT(read("otlp: 3"), ElementsAre("t.yaml:1: otlp: is a section with keys of its own, not a single value"));
  EXPECT_THAT(read("otlp: {endpoint: [a]}"), ElementsAre("t.yaml:1: otlp.endpoint: is a single value, not a list"));
  EXPECT_THAT(read("otlp: {endpoint: {a: b}}"),
              ElementsAre("t.yaml:1: otlp.endpoint: is a single value, not a mapping"));
  EXPECT_THAT(read("otlp:\n  endpoint:\n  timeout: ~\n"),
              ElementsAre("t.yaml:2: otlp.endpoint: has no value; write \"\" for an empty text, or take the key out",
                          "t.yaml:3: otlp.timeout: has no value; write \"\" for an empty text, or take the key out"));
  EXPECT_THAT(read("otlp: {headers: a=b}"),
              ElementsAre("t.yaml:1: otlp.headers: is a mapping, not a single value; write {name: value}"));
  EXPECT_THAT(read("discovery: {languages: go}"),
              ElementsAre("t.yaml:1: discovery.languages: is a list, not a single value; write [a, b]"));
  EXPECT_THAT(read("discovery: {languages: [go, cobol, [x]]}"),
              ElementsAre("t.yaml:1: discovery.languages[1]: 'cobol' is not possible; choose go, java or python",
                          "t.yaml:1: discovery.languages[2]: is a single value, not a list"));
  EXPECT_THAT(
      read("discovery: {instrument: {pids: [1]}}"),
      ElementsAre(
          "t.yaml:1: discovery.instrument: is a list of mappings, not a mapping; start each entry with \"- \""));
  EXPECT_THAT(read("? [a, b]\n: c"), ElementsAre("t.yaml:1: a key must be a plain word"));
}

TEST(ConfigRead, AWrongValueLeavesTheSettingAsItWas) {
  Example e;
  e.languages = {"java"};
  e.headers = {{"k", "v"}};
  EXPECT_EQ(read("{otlp: {timeout: 1, headers: {a: [b], c: d}}, discovery: {languages: [go, x]}}", e).size(), 3U);
  EXPECT_EQ(e.timeout, std::chrono::seconds(10));
  EXPECT_THAT(e.languages, ElementsAre("java"));
  EXPECT_THAT(e.headers, ElementsAre(std::pair<const std::string, std::string>("k", "v")));
}

TEST(ConfigRead, DuplicateKeysAndSyntax) {
  EXPECT_THAT(read("otlp:\n  timeout: 1s\n  enabled: false\n  timeout: 2s\n"),
              ElementsAre("t.yaml:4: otlp.timeout: duplicate key; first given in line 2"));
  EXPECT_THAT(read("otlp: {}\notlp: {}\n"), ElementsAre("t.yaml:2: otlp: duplicate key; first given in line 1"));
  EXPECT_THAT(read("otlp:\n  endpoint: \"open\n"), ElementsAre(HasSubstr(": not valid YAML: ")));
  EXPECT_THAT(read("otlp: {endpoint: 'open\n\n"), ElementsAre(HasSubstr(": not valid YAML: ")));
  Example e;
  EXPECT_THAT(read("otlp:\n  endpoint: |\n    text\n", e), IsEmpty());
  EXPECT_EQ(e.endpoint, "text\n");
  EXPECT_THAT(read("otlp:\n  a: b: c\n"), ElementsAre("t.yaml:2: not valid YAML: illegal map value (column 7)"));
  EXPECT_THAT(read("a: 1\n---\nb: 2\n"), ElementsAre(HasSubstr("a second document starts here")));
  EXPECT_THAT(read("otlp: !!python/object {}"), ElementsAre());
  EXPECT_THAT(read("otlp: !secret {}"), ElementsAre("t.yaml:1: otlp: tags ('!secret') are not supported"));
  EXPECT_THAT(read("a: \xff\xfe"), ElementsAre("t.yaml: not valid UTF-8 text"));
}

TEST(ConfigRead, AnchorsWorkAndBombsDoNot) {
  Example e;
  EXPECT_THAT(read("otlp: {endpoint: &x \"a:1\", auth: {password: *x}}", e), IsEmpty());
  EXPECT_EQ(e.password, "a:1");
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += (k > 0 ? ",*a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(read(bomb), ElementsAre(HasSubstr("more than 50000 values (aliases count for what they stand for)")));
  EXPECT_THAT(read("a: &a [*a]"), ElementsAre("t.yaml:1: an alias (*) stands within the value that it refers to"));
  EXPECT_THAT(read(std::string(200, '[')), ElementsAre("t.yaml:1: nested deeper than 32 levels"));
  EXPECT_THAT(read(std::string(5000, '{')), ElementsAre("t.yaml:1: nested deeper than 32 levels"));
  EXPECT_THAT(read("#" + std::string(1U << 20, 'x')), ElementsAre("t.yaml: larger than 1024 KiB; no configuration is"));
}

TEST(ConfigRead, ManyProblemsStayBounded) {
  std::string yaml;
  for (int i = 0; i < 20'000; ++i) yaml += "key" + std::to_string(i) + ": 1\n";
  Example e;
  const Error error = config::to_error(config::apply_yaml(yaml, "t.yaml", {}, declaration(e)));
  EXPECT_THAT(error.message, testing::EndsWith("\nand 19900 more"));
  EXPECT_EQ(error.kind, ErrorKind::kConfiguration);
  EXPECT_LT(error.message.size(), 20'000U);
}

TEST(ConfigPrint, MasksSecretsAndKeepsTheRest) {
  Example e{
      .endpoint = "https://user:pw@host:4317/v1", .password = "hunter2", .headers = {{"authorization", "Basic x"}}};
  e.instrument = {{"/x", {"1"}, 2}};
  EXPECT_EQ(config::to_yaml(declaration(e), Secrets::kMask), R"(otlp:
  enabled: true
  endpoint: "https://****@host:4317/v1"
  protocol: grpc
  timeout: 10s
  headers:
    authorization: "****"
  traces:
    batch_size: 512
    ratio: 0.5
    unbounded: 0
  auth:
    password: "****"
queue:
  limit: 16Mi
discovery:
  languages: []
  instrument:
    - exe_path: /x
      pids: [1]
      weight: 2
)");
  const std::string json = config::to_json(declaration(e));
  EXPECT_THAT(json, HasSubstr(R"("password": "****")"));
  EXPECT_THAT(json, HasSubstr(R"("authorization": "****")"));
  EXPECT_THAT(json, HasSubstr(R"("endpoint": "https://****@host:4317/v1")"));
  EXPECT_THAT(json, HasSubstr(R"("limit": "16Mi")"));
  EXPECT_EQ(json.find("hunter2"), std::string::npos);
  e.password.clear();
  EXPECT_THAT(config::to_json(declaration(e)), HasSubstr(R"("password": "")"));
}

// Anything a setting can hold must survive the way from the loader to the worker.
std::string random_text(Random& random) {
  static const std::vector<std::string> kPieces = {"a",
                                                   "Z",
                                                   "0",
                                                   " ",
                                                   ": ",
                                                   "#",
                                                   "'",
                                                   "\"",
                                                   "\\",
                                                   "\n",
                                                   "\t",
                                                   "\r",
                                                   "\x04",
                                                   "\x7f",
                                                   "${",
                                                   "$${",
                                                   "$",
                                                   "}",
                                                   "- ",
                                                   "null",
                                                   "~",
                                                   "true",
                                                   "&a",
                                                   "*a",
                                                   "!x",
                                                   "%",
                                                   "@",
                                                   "`",
                                                   "|",
                                                   ">",
                                                   "?",
                                                   "[",
                                                   "]",
                                                   "{",
                                                   ",",
                                                   "é",
                                                   "\xc2\x85",
                                                   "\xe2\x80\xa8",
                                                   "\xef\xbb\xbf",
                                                   "\xf0\x9f\x92\xa9",
                                                   "\x01",
                                                   "---",
                                                   "...",
                                                   std::string(1, '\0')};
  std::string text;
  for (std::uint64_t n = random.next() % 6; n > 0; --n) text += kPieces[random.next() % kPieces.size()];
  return text;
}

TEST(ConfigPrint, RevealedTextReadsBackAsTheSameSettings) {
  Random random(20260101);
  for (int i = 0; i < 3000; ++i) {
    Example e;
    e.enabled = random.next() % 2 == 0;
    e.unbounded = static_cast<std::int64_t>(random.next());
    e.batch_size = 1 + static_cast<std::int64_t>(random.next() % 65535);
    e.ratio = static_cast<double>(random.next() >> 11) * 0x1.0p-53;
    e.endpoint = random_text(random);
    e.password = random_text(random);
    e.limit.bytes = 4096 + random.next() % (1U << 29);
    e.timeout = std::chrono::milliseconds(1 + random.next() % 3'600'000);
    for (auto n = random.next() % 3; n > 0; --n) e.headers[random_text(random)] = random_text(random);
    for (auto n = random.next() % 3; n > 0; --n)
      e.instrument.push_back({random_text(random), {random_text(random)}, 3});
    const std::string yaml = config::to_yaml(declaration(e), Secrets::kReveal);
    Example back;
    ASSERT_THAT(read(yaml, back), IsEmpty()) << yaml;
    ASSERT_EQ(back, e) << yaml;
  }
}

TEST(ConfigScalar, SizesAndTimes) {
  EXPECT_EQ(config::parse_size("0")->bytes, 0U);
  EXPECT_EQ(config::parse_size("4Ki")->bytes, 4096U);
  EXPECT_EQ(config::parse_duration("0").value(), Duration::zero());
  EXPECT_EQ(config::parse_duration("90m").value(), std::chrono::minutes(90));
  for (const std::string_view bad :
       {"", "-1", "1.5Mi", "1 Mi", "1K", "9223372036854775808", "9007199254740992Ki", "0x10", "+1"}) {
    EXPECT_FALSE(config::parse_size(bad)) << bad;
    EXPECT_FALSE(config::parse_duration(bad)) << bad;
  }
  for (const std::string_view bad : {"1.5s", "10", "s", "1d", "9223372036854775807h", "10 s"}) {
    EXPECT_FALSE(config::parse_duration(bad)) << bad;
  }
  for (const std::string_view bad : {"nan", "inf", "1e999", "", "1,5", "0x1p3"})
    EXPECT_FALSE(config::parse_number(bad)) << bad;
  EXPECT_EQ(config::to_text(ByteSize{1536}), "1536");
  EXPECT_EQ(config::to_text(Duration(std::chrono::hours(24))), "24h");
  EXPECT_EQ(config::to_text(Duration::zero()), "0");
}

TEST(ConfigSuggestion, IsMadeOnlyWhereItIsLikelyMeant) {
  const std::vector<std::string_view> words = {"endpoint", "protocol", "id"};
  EXPECT_EQ(config::nearest("endpiont", words), "endpoint");
  EXPECT_EQ(config::nearest("Endpoint", words), "endpoint");
  EXPECT_EQ(config::nearest("di", words), "id");
  EXPECT_EQ(config::nearest("colour", words), "");
  EXPECT_EQ(config::nearest("", words), "");
  EXPECT_EQ(config::nearest(std::string(1 << 16, 'e'), words), "");
}

TEST(ConfigSchema, ReadingItLeavesTheSettingsAlone) {
  Example e;
  e.instrument = {{"/x", {}, 5}};
  const auto keys = config::keys_of(declaration(e));
  EXPECT_EQ(e.instrument.size(), 1U);
  const auto weight = std::ranges::find(keys, "discovery.instrument[].weight", &config::Key::path);
  ASSERT_NE(weight, keys.end());
  EXPECT_TRUE(weight->in_list);
  EXPECT_EQ(config::type_text(*weight), "whole number, 1 to 9");
}

}  // namespace
}  // namespace telegen::test
