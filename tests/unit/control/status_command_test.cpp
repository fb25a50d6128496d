// `telegen status` against a real API on loopback, and `telegen validate`: exit codes and what stands on which stream.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "commands.h"
#include "control/api/listen.h"
#include "control/api/server.h"
#include "exit_code.h"

namespace telegen::app {
namespace {

using testing::HasSubstr;

class StatusCommand : public testing::Test {
 protected:
  void start(const std::string& token = "") {
    auto server = ApiServer::start(*parse_listen("127.0.0.1:0"),
                                   {.status = {{"ebpf", [] { return std::string(R"({"programs": 3})"); }}},
                                    .ready = {{"export", [] { return std::optional<std::string>("refused"); }}},
                                    .bearer_token = token,
                                    .version = "9"});
    ASSERT_TRUE(server.has_value());
    server_ = *std::move(server);
    options_.address = listen_text(server_->address());
  }

  int run() {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = run_status(options_);
    out_ = testing::internal::GetCapturedStdout();
    error_ = testing::internal::GetCapturedStderr();
    return code;
  }

  std::unique_ptr<ApiServer> server_;
  StatusOptions options_{.load = {.search = {}}, .address = ""};
  std::string out_;
  std::string error_;
};

TEST_F(StatusCommand, PrintsATableOrJson) {
  start();
  EXPECT_EQ(run(), kSuccess);
  EXPECT_EQ(out_, "telegen 9: not ready\n  export  refused\n\nebpf\n  programs  3\n");
  EXPECT_EQ(error_, "");
  options_.json = true;
  EXPECT_EQ(run(), kSuccess);
  EXPECT_THAT(out_, HasSubstr("\"programs\": 3"));
}

TEST_F(StatusCommand, FindsAddressAndTokenInTheConfiguration) {
  start("tok");
  EXPECT_EQ(run(), kPermission);
  EXPECT_EQ(error_,
            "telegen: the agent asks for its token; it is read from self_telemetry.auth.bearer_token of --config "
            "FILE or from TELEGEN_SELF_TELEMETRY_AUTH_BEARER_TOKEN\n");
  EXPECT_EQ(out_, "");
  options_.load.environment = {{"TELEGEN_SELF_TELEMETRY_AUTH_BEARER_TOKEN", "tok"},
                               {"TELEGEN_SELF_TELEMETRY_LISTEN", options_.address}};
  options_.address.clear();
  EXPECT_EQ(run(), kSuccess) << error_;
  EXPECT_THAT(out_, HasSubstr("programs  3"));
}

TEST_F(StatusCommand, SaysWhyThereIsNoAnswer) {
  start();
  server_.reset();
  EXPECT_EQ(run(), kGeneral);
  EXPECT_EQ(error_, "telegen: GET http://" + options_.address +
                        "/status: nothing answers there; is the agent running? (--address says where else to ask)\n");
  options_.address = "nowhere";
  EXPECT_EQ(run(), kConfiguration);
  options_.address.clear();
  options_.load.environment = {{"TELEGEN_SELF_TELEMETRY_LISTEN", ""}};
  EXPECT_EQ(run(), kConfiguration);
  EXPECT_EQ(error_, "telegen: self_telemetry.listen is empty, so the agent has no API to ask\n");
}

TEST(ValidateCommand, PutsMistakesOnStandardErrorAndEndsWithTwo) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(
      run_validate({.load = {.search = {}, .environment = {{"TELEGEN_TELEGEN_LOG_LEVEL", "inof"}, {"TELEGEN_Q", ""}}}}),
      kConfiguration);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(
      testing::internal::GetCapturedStderr(),
      "environment TELEGEN_TELEGEN_LOG_LEVEL: telegen.log_level: 'inof' is not possible; nearest valid value 'info', "
      "choose trace, debug, info, warn, error or off\n"
      "environment TELEGEN_Q: no key has this variable; docs/configuration.md lists them all\n");
}

TEST(ValidateCommand, ShowsWhatIsInEffectWithoutSecrets) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(run_validate({.load = {.search = {}, .environment = {{"TELEGEN_SELF_TELEMETRY_AUTH_BEARER_TOKEN", "hush"}}},
                          .show = true}),
            kSuccess);
  const std::string out = testing::internal::GetCapturedStdout();
  EXPECT_THAT(out, HasSubstr("bearer_token: \"****\""));
  EXPECT_THAT(out, testing::Not(HasSubstr("hush")));
}

}  // namespace
}  // namespace telegen::app
