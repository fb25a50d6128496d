// Telegen's own settings: where they come from, what wins, and that the documentation is what the code declares.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "control/config/documentation.h"
#include "control/config/environment.h"
#include "control/config/load.h"
#include "control/config/printer.h"
#include "control/config/schema.h"

namespace telegen {
namespace {

using testing::HasSubstr;

class ConfigLoad : public testing::Test {
 protected:
  ConfigLoad() {
    std::string pattern = (std::filesystem::temp_directory_path() / "telegen-config-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ConfigLoad() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = (folder_ / name).string();
    std::ofstream(path) << text;
    return path;
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigLoad, NoFileAtAllIsFine) {
  const auto loaded = load_settings({.search = {(folder_ / "none.yaml").string()}, .host_name = "box"});
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  EXPECT_EQ(loaded->file, "");
  EXPECT_EQ(loaded->settings.telegen.mode, "agent");
  EXPECT_EQ(loaded->settings.telegen.service_name, "telegen");
  EXPECT_EQ(loaded->settings.telegen.instance_id, "box");
  EXPECT_EQ(loaded->settings.telegen.log_level, "info");
  EXPECT_EQ(loaded->settings.telegen.log_format, "text");
  EXPECT_EQ(loaded->settings.telegen.shutdown_timeout, std::chrono::seconds(10));
  EXPECT_EQ(loaded->settings.self_telemetry.listen, "127.0.0.1:19090");
  EXPECT_EQ(loaded->settings.self_telemetry.bearer_token, "");
}

TEST_F(ConfigLoad, TheFirstFileOfTheSearchCounts) {
  const std::string first = write("a.yaml", "telegen: {service_name: one}");
  const std::string second = write("b.yaml", "telegen: {service_name: two}");
  const auto searched = load_settings({.search = {(folder_ / "none.yaml").string(), first, second}});
  ASSERT_TRUE(searched.has_value());
  EXPECT_EQ(searched->file, first);
  EXPECT_EQ(searched->settings.telegen.service_name, "one");
  const auto named = load_settings({.file = second, .search = {first}});
  ASSERT_TRUE(named.has_value());
  EXPECT_EQ(named->settings.telegen.service_name, "two");
}

TEST_F(ConfigLoad, ANamedFileMustBeReadable) {
  const std::string missing = (folder_ / "none.yaml").string();
  const auto loaded = load_settings({.file = missing});
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().message, "open " + missing + ": No such file or directory");
  EXPECT_EQ(loaded.error().kind, ErrorKind::kConfiguration);
  const auto folder = load_settings({.file = folder_.string()});
  ASSERT_FALSE(folder.has_value());
  EXPECT_EQ(folder.error().message, "read " + folder_.string() + ": Is a directory");
}

TEST_F(ConfigLoad, OptionBeatsVariableBeatsStandardVariableBeatsFileBeatsDefault) {
  LoadRequest request{.file = write("t.yaml", "telegen: {service_name: file, log_level: warn, instance_id: i}")};
  const auto name = [&] { return load_settings(request)->settings.telegen.service_name; };
  EXPECT_EQ(name(), "file");
  request.environment_rules.push_back([](Settings& settings, const Environment& environment) -> Result<void> {
    if (const auto found = environment.find("OTEL_SERVICE_NAME"); found != environment.end()) {
      settings.telegen.service_name = found->second;
    }
    return {};
  });
  EXPECT_EQ(name(), "file");
  request.environment["OTEL_SERVICE_NAME"] = "standard";
  EXPECT_EQ(name(), "standard");
  request.environment["TELEGEN_TELEGEN_SERVICE_NAME"] = "own";
  EXPECT_EQ(name(), "own");
  request.options.push_back({"--service-name", "telegen.service_name", "option"});
  EXPECT_EQ(name(), "option");
  const auto loaded = load_settings(request);
  EXPECT_EQ(loaded->settings.telegen.log_level, "warn") << "keys that nothing overrides stay the file's";
  EXPECT_EQ(loaded->settings.telegen.instance_id, "i") << "the host's name only where none is given";
}

TEST_F(ConfigLoad, AllSourcesAreCheckedInOneRun) {
  const std::string path = write("t.yaml", "telegen:\n  log_level: loud\nself_telemetry:\n  listen: 1.2.3.4\n");
  LoadRequest request{.file = path,
                      .environment = {{"TELEGEN_TELEGEN_MODE", "agnet"}},
                      .options = {{"--log-format", "telegen.log_format", "xml"}}};
  request.environment_rules.push_back(
      [](Settings&, const Environment&) -> Result<void> { return fail("OTEL_TRACES_SAMPLER: 'x' is no sampler"); });
  request.checks.push_back([](const Settings&) {
    return std::vector<Complaint>{{"telegen.log_level.deeper[3]", "checked"}, {"nowhere", "checked too"}};
  });
  const auto loaded = load_settings(request);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().message,
            path +
                ":2: telegen.log_level: 'loud' is not possible; choose trace, debug, info, warn, error or off\n"
                "environment: OTEL_TRACES_SAMPLER: 'x' is no sampler\n"
                "environment TELEGEN_TELEGEN_MODE: telegen.mode: 'agnet' is not possible; nearest valid value 'agent', "
                "choose agent\n"
                "option --log-format: telegen.log_format: 'xml' is not possible; choose text or json\n" +
                path +
                ":4: self_telemetry.listen: '1.2.3.4' has no port; write it like 127.0.0.1:19090 or [::1]:19090\n" +
                path +
                ":2: telegen.log_level.deeper[3]: checked\n"
                "configuration: nowhere: checked too");
}

TEST_F(ConfigLoad, SettingsSurviveTheWayToTheWorker) {
  Settings settings;
  settings.telegen.service_name = "a \"b\" ${c}: #\n";
  settings.telegen.shutdown_timeout = std::chrono::milliseconds(1234);
  settings.self_telemetry.bearer_token = "tok'en";
  const auto back = settings_from_yaml(to_yaml(settings, Secrets::kReveal), "the loader");
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(to_yaml(*back, Secrets::kReveal), to_yaml(settings, Secrets::kReveal));
  EXPECT_EQ(back->telegen.service_name, settings.telegen.service_name);
  EXPECT_EQ(back->telegen.shutdown_timeout, settings.telegen.shutdown_timeout);
  EXPECT_EQ(back->self_telemetry.bearer_token, "tok'en");
  EXPECT_EQ(to_yaml(settings, Secrets::kMask).find("tok'en"), std::string::npos);
  EXPECT_EQ(to_json(settings).find("tok'en"), std::string::npos);
}

TEST(ConfigOwnKeys, NoTwoKeysShareAVariableAndEachIsDocumented) {
  std::set<std::string> names;
  for (const config::Key& key : config::all_keys()) {
    EXPECT_FALSE(key.doc.empty()) << key.path;
    EXPECT_EQ(key.doc.back(), '.') << key.path;
    if (key.type == config::KeyType::kSection || key.in_list) continue;
    EXPECT_TRUE(names.insert(config::variable_name(key.path)).second) << key.path;
  }
  EXPECT_TRUE(names.contains("TELEGEN_SELF_TELEMETRY_AUTH_BEARER_TOKEN"));
}

TEST(ConfigDocumentation, TheCommittedFileIsWhatTheDeclarationSays) {
  const auto root = std::filesystem::path(TELEGEN_TESTDATA).parent_path().parent_path();
  std::ifstream file(root / "docs/configuration.md");
  const std::string committed((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(committed, configuration_markdown()) << "run: cmake --build build/dev --target config_docs";
}

TEST(ConfigEnvironmentArray, IsReadLikeGetenvDoes) {
  const char* const entries[] = {"A=1", "B=x=y", "EMPTY=", "nonsense", "=odd", "A=2", nullptr};
  EXPECT_EQ(environment_from(entries), (Environment{{"A", "1"}, {"B", "x=y"}, {"EMPTY", ""}}));
  EXPECT_TRUE(environment_from(nullptr).empty());
}

}  // namespace
}  // namespace telegen
