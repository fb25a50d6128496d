// Every word that the command line says, and what its options become.
#include "command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "commands.h"
#include "exit_code.h"
#include "status_text.h"

namespace telegen::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

CommandLine parse(std::vector<const char*> words) {
  words.insert(words.begin(), "telegen");
  return parse_command_line(static_cast<int>(words.size()), words.data(), {}, "box");
}

LoadRequest parsed_load(std::vector<const char*> words) { return parse(std::move(words)).load; }

std::string complaint(std::vector<const char*> words) {
  const CommandLine line = parse(std::move(words));
  EXPECT_EQ(line.exit_code, kConfiguration);
  EXPECT_FALSE(line.command);
  EXPECT_EQ(line.output, "");
  return line.complaint;
}

TEST(CommandLine, MistakesAreNamedWithTheNearestValidWord) {
  EXPECT_EQ(complaint({"docotr"}), "telegen: unknown command 'docotr'; nearest valid command 'doctor'\n");
  EXPECT_EQ(complaint({"fly"}), "telegen: unknown command 'fly'; 'telegen --help' lists what there is\n");
  EXPECT_EQ(complaint({"--endpiont=x"}), "telegen: unknown option '--endpiont'; nearest valid option '--endpoint'\n");
  EXPECT_EQ(complaint({"run", "--endpiont", "x"}),
            "telegen: unknown option '--endpiont'; nearest valid option '--endpoint'\n");
  EXPECT_EQ(complaint({"validate", "--sow"}), "telegen: unknown option '--sow'; nearest valid option '--show'\n");
  EXPECT_EQ(complaint({"version", "now"}),
            "telegen: unknown argument 'now'; 'telegen version --help' lists what there is\n");
  EXPECT_EQ(complaint({"worke"}), "telegen: unknown command 'worke'; 'telegen --help' lists what there is\n");
  EXPECT_EQ(complaint({"run", "--output", "printer"}),
            "telegen: option --output: 'printer' is not possible; write console or file:PATH\n");
  EXPECT_EQ(complaint({"run", "--instrument", "8080"}),
            "telegen: option --instrument: '8080' has no '='; write it like open_ports=8080 or exe_path=/usr/bin/*\n");
  EXPECT_EQ(complaint({"--log-level", "debug", "doctor"}),
            "telegen: options stand after the command: telegen doctor --option\n");
  EXPECT_THAT(complaint({"run", "--config"}), HasSubstr("--config"));
  EXPECT_THAT(complaint({"record"}), HasSubstr("FILE is required"));
  EXPECT_THAT(complaint({"completion", "tcsh"}), HasSubstr("tcsh"));
}

TEST(CommandLine, HelpNamesEveryCommandButTheHiddenOne) {
  const CommandLine line = parse({"--help"});
  EXPECT_EQ(line.exit_code, 0);
  EXPECT_FALSE(line.command);
  for (const char* word :
       {"run", "doctor", "validate", "status", "top", "record", "replay", "version", "completion", "--config", "--mode",
        "--endpoint", "--protocol", "--output", "--instrument", "--force-probe", "--log-level"}) {
    EXPECT_THAT(line.output, HasSubstr(word));
  }
  EXPECT_THAT(line.output, Not(HasSubstr("worker")));
  EXPECT_THAT(parse({"validate", "--help"}).output, AllOf(HasSubstr("--show"), Not(HasSubstr("--endpoint"))));
}

TEST(CommandLine, EveryCommandIsBound) {
  for (const std::vector<const char*>& words : std::vector<std::vector<const char*>>{{},
                                                                                     {"run"},
                                                                                     {"doctor", "--json"},
                                                                                     {"validate", "--show"},
                                                                                     {"status", "--json"},
                                                                                     {"top"},
                                                                                     {"record", "f"},
                                                                                     {"replay", "f"},
                                                                                     {"version", "--json"},
                                                                                     {"worker"}}) {
    const CommandLine line = parse(words);
    EXPECT_TRUE(line.command) << line.complaint;
    EXPECT_EQ(line.complaint, "");
  }
}

TEST(CommandLine, OptionsBecomeOverrides) {
  const LoadRequest load =
      parsed_load({"run", "--config", "c.yaml", "--endpoint", "h:1", "--log-level=debug", "--output", "console",
                   "--output", "file:/tmp/x=y", "--instrument", "open_ports=80,443", "--instrument", "exe_path=/a=b"});
  EXPECT_EQ(load.file, "c.yaml");
  EXPECT_EQ(load.host_name, "box");
  ASSERT_EQ(load.options.size(), 5U);
  const auto expect = [&](std::size_t i, const char* option, const char* path, const char* text) {
    EXPECT_EQ(load.options[i].option, option);
    EXPECT_EQ(load.options[i].path, path);
    EXPECT_EQ(load.options[i].text, text);
  };
  expect(0, "--endpoint", "otlp.endpoint", "h:1");
  expect(1, "--log-level", "telegen.log_level", "debug");
  expect(2, "--output", "output.console", "always");
  expect(3, "--output", "output.file.path", "/tmp/x=y");
  expect(4, "--instrument", "discovery.instrument", "");
  EXPECT_THAT(load.options[4].entries, testing::ElementsAre(std::pair<std::string, std::string>("open_ports", "80,443"),
                                                            std::pair<std::string, std::string>("exe_path", "/a=b")));
  const LoadRequest forced =
      parsed_load({"run", "--force-probe", "socket.send=exit", "--force-probe", "socket.state=tp_btf"});
  ASSERT_EQ(forced.options.size(), 1U);
  EXPECT_EQ(forced.options[0].path, "agent.ebpf.force_probe");
  EXPECT_EQ(forced.options[0].text, "socket.send=exit,socket.state=tp_btf");
  EXPECT_EQ(parsed_load({}).file, std::nullopt);
  EXPECT_TRUE(parsed_load({}).options.empty());
}

TEST(Completion, KnowsEveryCommandOptionAndChoice) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = parse({"completion", shell}).output;
    for (const char* word :
         {"doctor", "validate", "replay", "completion", "log-level", "instrument", "grpc", "show", "json"}) {
      EXPECT_THAT(script, HasSubstr(word)) << shell;
    }
    EXPECT_THAT(script, Not(HasSubstr("worker"))) << shell;
  }
}

TEST(StatusText, IsAlignedAndSafe) {
  EXPECT_EQ(status_text(R"({"version": "0.1.0", "ebpf": {"programs": 12, "lost events": 0, "ring": {"bytes": 16}},
                            "discovery": {"services": [{"name": "shöp", "pids": [1, 2]}, {"name": "a\u001b[2Jb\u009b", "language": "go"}],
                                          "tags": []}, "queues": {}})",
                        R"({"status": "ready"})"),
            "telegen 0.1.0: ready\n"
            "\n"
            "ebpf\n"
            "  programs     12\n"
            "  lost events  0\n"
            "  ring\n"
            "    bytes  16\n"
            "\n"
            "discovery\n"
            "  services\n"
            "    name     pids  language\n"
            "    shöp     1, 2\n"
            "    a?[2Jb?        go\n"
            "  tags  none\n"
            "\n"
            "queues\n"
            "  none\n");
  EXPECT_THAT(status_text(R"({"version": "1"})", R"({"error": "not_ready", "message": "1 check fails",
                          "details": {"export": "Connection refused"}})"),
              testing::StartsWith("telegen 1: not ready\n  export  Connection refused\n"));
  EXPECT_EQ(status_text("<html>", "{}"), "the answer is not a status of telegen\n");
}

TEST(ExitCode, FollowsTheKindOfError) {
  EXPECT_EQ(exit_code(ErrorKind::kGeneral), 1);
  EXPECT_EQ(exit_code(ErrorKind::kConfiguration), 2);
  EXPECT_EQ(exit_code(ErrorKind::kBpf), 3);
  EXPECT_EQ(exit_code(ErrorKind::kPermission), 4);
  EXPECT_EQ(exit_code(ErrorKind::kExport), 5);
}

}  // namespace
}  // namespace telegen::app
