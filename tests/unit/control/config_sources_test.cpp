// References to variables, the environment and options as sources of settings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_reading.h"

namespace telegen::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ConfigReferences, AreExpandedInValuesOnly) {
  Example e;
  const Environment environment = {{"HOST", "col"}, {"EMPTY", ""}, {"N", "7"}};
  EXPECT_THAT(
      read(R"({otlp: {endpoint: "${HOST}:${PORT:-4317}", headers: {"${HOST}": "$${HOST} $5 ${EMPTY}|${EMPTY:-d}"},
                    traces: {batch_size: "${N}"}}})",
           e, environment),
      IsEmpty());
  EXPECT_EQ(e.endpoint, "col:4317");
  EXPECT_EQ(e.headers.at("${HOST}"), "${HOST} $5 |d");
  EXPECT_EQ(e.batch_size, 7);
}

TEST(ConfigReferences, ThatCannotBeResolvedNameFileLineAndKey) {
  EXPECT_THAT(
      read("otlp:\n  endpoint: ${NOWHERE}\n"),
      ElementsAre("t.yaml:2: otlp.endpoint: environment variable NOWHERE is not set; write ${NOWHERE:-default} to "
                  "go without it"));
  EXPECT_THAT(read("otlp: {endpoint: \"${OPEN\"}"), ElementsAre("t.yaml:1: otlp.endpoint: '${OPEN' has no closing }"));
  EXPECT_THAT(read("otlp: {endpoint: \"${a b}\"}"),
              ElementsAre("t.yaml:1: otlp.endpoint: '${a b}' is no reference to a variable; write ${NAME} or "
                          "${NAME:-default}, and $${ for a literal ${"));
  EXPECT_THAT(read("otlp: {endpoint: \"${X}\"}", {{"X", "\xc3("}}),
              ElementsAre("t.yaml:1: otlp.endpoint: is not valid UTF-8 text"));
  EXPECT_THAT(read("otlp: {endpoint: \"${X}${X}\"}", {{"X", std::string(40'000, 'x')}}),
              ElementsAre("t.yaml:1: otlp.endpoint: expands to more than 64 KiB"));
}

TEST(ConfigEnvironment, EveryKeyHasAVariable) {
  Example e;
  const Environment environment = {{"TELEGEN_OTLP_TRACES_BATCH_SIZE", "9"},
                                   {"TELEGEN_OTLP_HEADERS", "a=1, b = 2=3"},
                                   {"TELEGEN_DISCOVERY_LANGUAGES", " go , java,"},
                                   {"TELEGEN_DISCOVERY_INSTRUMENT", "[{pids: [4]}, {exe_path: '/a,b'}]"},
                                   {"TELEGEN_OTLP_AUTH_PASSWORD", "${NOT_EXPANDED}"},
                                   {"PATH", "/bin"}};
  EXPECT_THAT(texts(config::apply_environment(environment, declaration(e))), IsEmpty());
  EXPECT_EQ(e, (Example{.batch_size = 9,
                        .password = "${NOT_EXPANDED}",
                        .languages = {"go", "java"},
                        .headers = {{"a", "1"}, {"b", "2=3"}},
                        .instrument = {{"", {"4"}, 1}, {"/a,b", {}, 1}}}));
}

TEST(ConfigEnvironment, WrongVariablesAreErrors) {
  Example e;
  const Environment environment = {{"TELEGEN_OTLP_TIMEOUTT", "1s"},
                                   {"TELEGEN_QUEUE_LIMIT", "2GB"},
                                   {"TELEGEN_XYZZY", "1"},
                                   {"TELEGEN_OTLP_HEADERS", "novalue"},
                                   {"TELEGEN_DISCOVERY_INSTRUMENT", "[{pids: 4}]"}};
  EXPECT_THAT(
      texts(config::apply_environment(environment, declaration(e))),
      ElementsAre("environment TELEGEN_OTLP_HEADERS: otlp.headers: is a list of name=value,name=value",
                  "environment TELEGEN_QUEUE_LIMIT: queue.limit: '2GB' has an unknown unit; sizes take Ki, Mi, Gi "
                  "or plain bytes",
                  "environment TELEGEN_DISCOVERY_INSTRUMENT: discovery.instrument[0].pids: is a list, not a single "
                  "value; write [a, b]",
                  "environment TELEGEN_OTLP_TIMEOUTT: no key has this variable; nearest valid variable "
                  "'TELEGEN_OTLP_TIMEOUT'",
                  "environment TELEGEN_XYZZY: no key has this variable; docs/configuration.md lists them all"));
}

TEST(ConfigEnvironment, WhatKubernetesSetsForAServiceCalledTelegenIsNoMistake) {
  Example e;
  Environment environment = {{"TELEGEN_SERVICE_HOST", "10.0.0.7"},
                             {"TELEGEN_SERVICE_PORT", "19090"},
                             {"TELEGEN_SERVICE_PORT_HTTP_API", "19090"},
                             {"TELEGEN_PORT", "tcp://10.0.0.7:19090"},
                             {"TELEGEN_PORT_19090_TCP", "tcp://10.0.0.7:19090"},
                             {"TELEGEN_PORT_19090_TCP_ADDR", "10.0.0.7"},
                             {"TELEGEN_COLLECTOR_PORT_53_UDP_PROTO", "udp"}};
  EXPECT_THAT(texts(config::apply_environment(environment, declaration(e))), IsEmpty());
  environment = {{"TELEGEN_PORT", "8080"}, {"TELEGEN_PORT_TCP", "x"}, {"TELEGEN_PORT_1_SCP", "x"}};
  EXPECT_EQ(config::apply_environment(environment, declaration(e)).size(), 3U);
}

TEST(ConfigOptions, OverrideAndNameThemselvesInErrors) {
  Example e;
  e.instrument = {{"/from/file", {}, 1}};
  const std::vector<Override> options = {
      {"--endpoint", "otlp.endpoint", "h:1"},
      {"--instrument", "discovery.instrument", "", {{"exe_path", "/a, b"}, {"pids", "1,2"}}},
  };
  EXPECT_THAT(texts(config::apply_options(options, declaration(e))), IsEmpty());
  EXPECT_EQ(e.endpoint, "h:1");
  EXPECT_THAT(e.instrument, ElementsAre(Rule{"/a, b", {}, 1}, Rule{"", {"1", "2"}, 1}));
  EXPECT_THAT(
      texts(config::apply_options({{"--protocol", "otlp.protocol", "grcp"},
                                   {"--instrument", "discovery.instrument", "", {{"pid", "1"}}},
                                   {"--endpoint", "otlp.endpiont", "x"}},
                                  declaration(e))),
      ElementsAre("option --protocol: otlp.protocol: 'grcp' is not possible; nearest valid value 'grpc', choose "
                  "grpc or http",
                  "option --instrument: discovery.instrument[0].pid: unknown key; nearest valid key 'pids'",
                  "option --endpoint: otlp.endpiont: unknown key; nearest valid key 'endpoint'"));
}

}  // namespace
}  // namespace telegen::test
