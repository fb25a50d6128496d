// The API over real loopback sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "control/api/listen.h"
#include "control/api/metrics_text.h"
#include "control/api/server.h"
#include "control/api/spans_json.h"
#include "http_probe.h"

namespace telegen::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class Api : public testing::Test {
 protected:
  ApiDependencies dependencies() {
    registry_.counter("telegen_spans_total", "Spans.", {{"signal", "traces"}}).add(7);
    return {.metrics = &registry_,
            .status = {{"ebpf", [] { return std::string(R"({"programs": 3})"); }},
                       {"queues", [] { return std::string("not json"); }}},
            .ready = {{"export", [this] { return failure_; }}, {"ring", [] { return std::nullopt; }}},
            .config_json = [] { return std::string(R"({"telegen": {"mode": "agent"}})"); },
            .spans_json = [] { return std::string(R"({"spans": []})"); },
            .reload = [this]() -> Result<void> {
              ++reloads_;
              if (reload_fails_) return fail("t.yaml:1: x: unknown key", ErrorKind::kConfiguration);
              return {};
            },
            .flush = []() -> Result<void> { return fail("the collector does not answer"); },
            .version = "1.2.3"};
  }

  SocketAddress start(ApiDependencies dependencies, const std::string& listen = "127.0.0.1:0") {
    auto server = ApiServer::start(*parse_listen(listen), std::move(dependencies));
    EXPECT_TRUE(server.has_value()) << server.error().message;
    server_ = *std::move(server);
    return server_->address();
  }
  SocketAddress start() { return start(dependencies()); }

  MetricRegistry registry_;
  std::optional<std::string> failure_;
  std::atomic<int> reloads_ = 0;
  bool reload_fails_ = false;
  std::unique_ptr<ApiServer> server_;
};

TEST_F(Api, ReportsThePortThatTheKernelChose) {
  const SocketAddress address = start();
  EXPECT_NE(address.port, 0);
  EXPECT_EQ(listen_text(address), "127.0.0.1:" + std::to_string(address.port));
  const Answer answer = get(address, "/healthz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body), json({{"status", "ok"}}));
  EXPECT_THAT(answer.head, HasSubstr("Content-Type: application/json"));
  EXPECT_THAT(answer.head, HasSubstr("Connection: close"));
  EXPECT_THAT(answer.head, HasSubstr("X-Content-Type-Options: nosniff"));
  EXPECT_THAT(answer.head, HasSubstr("Cache-Control: no-store"));
}

TEST_F(Api, ReadinessNamesWhatFails) {
  const SocketAddress address = start();
  EXPECT_EQ(get(address, "/readyz").status, 200);
  failure_ = "connect 127.0.0.1:4317: Connection refused";
  const Answer answer = get(address, "/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(json::parse(answer.body), json({{"error", "not_ready"},
                                            {"message", "1 check fails"},
                                            {"details", {{"export", "connect 127.0.0.1:4317: Connection refused"}}}}));
}

TEST_F(Api, StatusMergesSectionsAndOneBrokenSectionBreaksNoOther) {
  const SocketAddress address = start();
  EXPECT_EQ(json::parse(get(address, "/status").body),
            json({{"version", "1.2.3"},
                  {"ebpf", {{"programs", 3}}},
                  {"queues", {{"error", "this section returned no valid JSON"}}}}));
  EXPECT_EQ(json::parse(get(address, "/status/ebpf").body), json({{"programs", 3}}));
  EXPECT_EQ(json::parse(get(address, "/config").body), json({{"telegen", {{"mode", "agent"}}}}));
  EXPECT_EQ(json::parse(get(address, "/api/v1/traces?limit=3").body), json({{"spans", json::array()}}));
}

TEST_F(Api, MetricsArePrometheusText) {
  const Answer answer = get(start(), "/metrics");
  EXPECT_THAT(answer.head, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8"));
  EXPECT_EQ(answer.body,
            "# HELP telegen_spans_total Spans.\n# TYPE telegen_spans_total counter\n"
            "telegen_spans_total{signal=\"traces\"} 7\n");
}

TEST_F(Api, PageStandsAlone) {
  const Answer answer = get(start(), "/");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.head, HasSubstr("Content-Type: text/html; charset=utf-8"));
  EXPECT_THAT(answer.head, HasSubstr("Content-Security-Policy: default-src 'none'"));
  EXPECT_THAT(answer.body, testing::StartsWith("<!doctype html>"));
  EXPECT_THAT(answer.body, testing::EndsWith("</html>\n"));
  EXPECT_THAT(answer.body, Not(HasSubstr("http:")));
  EXPECT_THAT(answer.body, Not(HasSubstr("https:")));
  EXPECT_THAT(answer.body, Not(HasSubstr("innerHTML")));
}

TEST_F(Api, WrongPathsAndMethodsSaySo) {
  const SocketAddress address = start();
  const Answer missing = get(address, "/nothing");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(json::parse(missing.body), json({{"error", "not_found"},
                                             {"message", "there is no /nothing; GET /openapi.json lists what there is"},
                                             {"details", json::object()}}));
  const Answer wrong = send(address, "DELETE", "/status");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_THAT(wrong.head, HasSubstr("Allow: GET, HEAD"));
  EXPECT_EQ(json::parse(wrong.body)["message"], "/status takes GET, HEAD");
  const Answer reload = get(address, "/admin/reload");
  EXPECT_EQ(reload.status, 405);
  EXPECT_THAT(reload.head, HasSubstr("Allow: POST"));
  EXPECT_EQ(reloads_, 0);
  const Answer head = send(address, "HEAD", "/status");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
}

TEST_F(Api, AdminActionsReportWhatHappened) {
  const SocketAddress address = start();
  EXPECT_EQ(send(address, "POST", "/admin/reload").status, 200);
  EXPECT_EQ(reloads_, 1);
  reload_fails_ = true;
  const Answer invalid = send(address, "POST", "/admin/reload");
  EXPECT_EQ(invalid.status, 422);
  EXPECT_EQ(json::parse(invalid.body)["error"], "configuration");
  EXPECT_EQ(json::parse(invalid.body)["message"], "t.yaml:1: x: unknown key");
  const Answer failed = send(address, "POST", "/admin/flush");
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(json::parse(failed.body)["message"], "the collector does not answer");
}

TEST_F(Api, WhatIsNotWiredIsNoRoute) {
  const SocketAddress address = start({.version = "1"});
  for (const std::string path : {"/metrics", "/config", "/api/v1/traces", "/status/ebpf"}) {
    EXPECT_EQ(get(address, path).status, 404) << path;
  }
  EXPECT_EQ(send(address, "POST", "/admin/reload").status, 404);
}

TEST_F(Api, OpenApiDescribesExactlyTheRoutesThatExist) {
  const SocketAddress address = start();
  const json document = json::parse(get(address, "/openapi.json").body);
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_EQ(document["info"]["version"], "1.2.3");
  std::vector<std::string> described;
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      described.push_back(method + " " + path);
      EXPECT_FALSE(operation["summary"].get<std::string>().empty()) << path;
      const int status = send(address, method == "get" ? "GET" : "POST", path).status;
      EXPECT_NE(status, 404) << path;
      EXPECT_NE(status, 405) << path;
    }
  }
  EXPECT_THAT(described, testing::UnorderedElementsAre("get /healthz", "get /readyz", "get /metrics", "get /status",
                                                       "get /status/ebpf", "get /status/queues", "get /config",
                                                       "get /api/v1/traces", "get /openapi.json", "get /",
                                                       "post /admin/reload", "post /admin/flush"));
}

TEST_F(Api, TheTokenGuardsAllButHealth) {
  ApiDependencies guarded = dependencies();
  guarded.bearer_token = "s3cret";
  const SocketAddress address = start(std::move(guarded));
  EXPECT_EQ(get(address, "/healthz").status, 200);
  for (const std::string path : {"/", "/readyz", "/metrics", "/status", "/config", "/openapi.json", "/nothing"}) {
    const Answer answer = get(address, path);
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_THAT(answer.head, HasSubstr("WWW-Authenticate: Bearer"));
    EXPECT_EQ(json::parse(answer.body)["message"], "send the token as 'Authorization: Bearer …'");
  }
  for (const std::string wrong : {"s3cre", "s3crett", "S3cret", "", "s3cret "}) {
    EXPECT_EQ(get(address, "/status", "Authorization: Bearer " + wrong + "x\r\n").status, 401) << wrong;
  }
  EXPECT_EQ(get(address, "/status", "Authorization: Basic s3cret\r\n").status, 401);
  EXPECT_EQ(get(address, "/status", "Authorization: Bearer s3cret\r\n").status, 200);
  EXPECT_EQ(get(address, "/status", "authorization: bearer s3cret\r\n").status, 200);
  EXPECT_EQ(send(address, "POST", "/admin/reload").status, 401);
  EXPECT_EQ(send(address, "POST", "/admin/reload", "Authorization: Bearer s3cret\r\n").status, 200);
  EXPECT_EQ(send(address, "DELETE", "/status").status, 401);
  EXPECT_EQ(get(address, "/status", "Authorization: Bearer s3cret\r\nHost: telegen.example:80\r\n").status, 200);
}

TEST_F(Api, BeyondThisHostAndWithoutTokenItIsReadOnly) {
  SocketAddress address = start(dependencies(), "0.0.0.0:0");
  address.bytes = {127, 0, 0, 1};
  EXPECT_EQ(get(address, "/status").status, 200);
  const Answer refused = send(address, "POST", "/admin/reload");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(json::parse(refused.body)["error"], "read_only");
  EXPECT_THAT(refused.body, HasSubstr("set self_telemetry.auth.bearer_token"));
  EXPECT_EQ(reloads_, 0);
}

TEST_F(Api, PagesOfOtherOriginsGetNothing) {
  const SocketAddress address = start();
  EXPECT_EQ(get(address, "/status", "Host: evil.example\r\n").status, 403);
  EXPECT_EQ(get(address, "/status", "Host: evil.example:19090\r\n").status, 403);
  EXPECT_EQ(get(address, "/status", "Host: 1.evil.example\r\n").status, 403);
  EXPECT_EQ(get(address, "/status", "Host: localhost:19090\r\n").status, 200);
  EXPECT_EQ(get(address, "/status", "Host: [::1]:19090\r\n").status, 200);
  EXPECT_EQ(send(address, "POST", "/admin/reload", "Origin: https://evil.example\r\n").status, 403);
  EXPECT_EQ(send(address, "POST", "/admin/reload", "Origin: null\r\n").status, 403);
  EXPECT_EQ(reloads_, 0);
  EXPECT_EQ(send(address, "POST", "/admin/reload", "Origin: http://" + listen_text(address) + "\r\n").status, 200);
}

TEST_F(Api, HostileRequestsAreAnsweredOrCutAndTheNextOneIsServed) {
  const SocketAddress address = start();
  EXPECT_EQ(talk(address, "nonsense\r\n\r\n").status, 400);
  EXPECT_EQ(get(address, "/" + std::string(9000, 'x')).status, 414);
  EXPECT_EQ(get(address, "/healthz", "X: " + std::string(9000, 'x') + "\r\n").status, 400);
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "X" + std::to_string(i) + ": y\r\n";
  EXPECT_NE(get(address, "/healthz", many).status, 200) << "over the budget of 64 KiB";
  const std::string smuggled =
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60\r\n\r\n"
      "POST /admin/reload HTTP/1.1\r\nHost: localhost\r\n\r\n";
  EXPECT_EQ(talk(address, smuggled).status, 200);
  EXPECT_EQ(reloads_, 0) << "a payload is no request";
  EXPECT_EQ(talk(address, "POST /admin/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello").status,
            200);
  EXPECT_EQ(get(address, "/healthz").status, 200);
}

TEST_F(Api, SilentClientsHoldItUpForSecondsOnly) {
  const SocketAddress address = start();
  std::vector<std::jthread> silent;
  for (int i = 0; i < 2; ++i) silent.emplace_back([&] { talk(address, "GET /status HTT"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(get(address, "/healthz").status, 200);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8));
}

TEST_F(Api, ManyClientsAtOnce) {
  const SocketAddress address = start();
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 40; ++i) {
      clients.emplace_back([&] {
        for (int k = 0; k < 10; ++k) good += get(address, "/metrics").status == 200 ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(good, 400);
}

TEST_F(Api, TakesASocketThatIsHandedIn) {
  auto listener = open_listener(*parse_listen("[::1]:0"));
  ASSERT_TRUE(listener.has_value()) << listener.error().message;
  const SocketAddress bound = *local_address(*listener);
  auto server = ApiServer::start(*std::move(listener), dependencies());
  ASSERT_TRUE(server.has_value());
  EXPECT_EQ((*server)->address(), bound);
  EXPECT_EQ(get(bound, "/healthz").status, 200);
  server->reset();
  EXPECT_EQ(get(bound, "/healthz").status, 0) << "it must be closed";
}

TEST_F(Api, APortInUseIsAnErrorInWords) {
  const SocketAddress address = start();
  const auto second = ApiServer::start(address, dependencies());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().message, "listen " + listen_text(address) + ": Address already in use");
  EXPECT_EQ(second.error().code, EADDRINUSE);
}

TEST(ApiListen, AddressesAsPeopleWriteThem) {
  EXPECT_EQ(listen_text(*parse_listen("127.0.0.1:19090")), "127.0.0.1:19090");
  EXPECT_EQ(listen_text(*parse_listen("localhost:1")), "127.0.0.1:1");
  EXPECT_EQ(listen_text(*parse_listen(":65535")), "0.0.0.0:65535");
  EXPECT_EQ(listen_text(*parse_listen("[2001:db8::1]:80")), "[2001:db8::1]:80");
  EXPECT_TRUE(is_loopback(*parse_listen("127.9.9.9:1")));
  EXPECT_TRUE(is_loopback(*parse_listen("[::1]:1")));
  EXPECT_TRUE(is_loopback(*parse_listen("[::ffff:127.0.0.1]:1")));
  EXPECT_FALSE(is_loopback(*parse_listen("[::]:1")));
  EXPECT_FALSE(is_loopback(*parse_listen(":1")));
  const auto message = [](std::string_view text) { return parse_listen(text).error().message; };
  const std::string how = "; write it like 127.0.0.1:19090 or [::1]:19090";
  EXPECT_EQ(message("19090"), "'19090' has no port" + how);
  EXPECT_EQ(message("1.2.3.4:"), "'1.2.3.4:' has no port from 0 to 65535" + how);
  EXPECT_EQ(message("1.2.3.4:65536"), "'1.2.3.4:65536' has no port from 0 to 65535" + how);
  EXPECT_EQ(message("::1:80"), "'::1:80' is ambiguous: an IPv6 address stands in brackets" + how);
  EXPECT_EQ(message("example.com:80"), "'example.com:80' has no IP address (names are not looked up)" + how);
  EXPECT_EQ(message("[1.2.3.4]:80"), "'[1.2.3.4]:80' has no IP address (names are not looked up)" + how);
}

TEST(ApiMetricsText, GroupsFamiliesAndEscapes) {
  MetricRegistry registry;
  registry.counter("b_total", "B\\ \n\"x\"", {{"cause", "a\"b\\c\nd"}, {"k", "é"}}).add(1U << 31);
  registry.gauge("a", "A.").set(-5);
  registry.counter("b_total", "B again", {{"cause", "z"}});
  registry.observe("c", "C.", MetricKind::kGauge, {}, [] { return 0.25; });
  registry.observe("d", "D.", MetricKind::kGauge, {}, [] { return std::numeric_limits<double>::quiet_NaN(); });
  registry.observe("e", "E.", MetricKind::kGauge, {}, [] { return -std::numeric_limits<double>::infinity(); });
  EXPECT_EQ(metrics_text(registry),
            "# HELP b_total B\\\\ \\n\"x\"\n# TYPE b_total counter\n"
            "b_total{cause=\"a\\\"b\\\\c\\nd\",k=\"é\"} 2147483648\n"
            "b_total{cause=\"z\"} 0\n"
            "# HELP a A.\n# TYPE a gauge\na -5\n"
            "# HELP c C.\n# TYPE c gauge\nc 0.25\n"
            "# HELP d D.\n# TYPE d gauge\nd NaN\n"
            "# HELP e E.\n# TYPE e gauge\ne -Inf\n");
}

TEST(ApiSpans, EveryFieldIsThere) {
  Span span;
  span.trace_id.bytes = {0x0a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff};
  span.span_id.bytes = {1, 2, 3, 4, 5, 6, 7, 8};
  span.kind = SpanKind::kServer;
  span.status = SpanStatus::kError;
  span.start.ns = 1'700'000'000'123'456'789ULL;
  span.end.ns = span.start.ns + 1500;
  span.name = "GET /\xff";
  span.attributes = {{"http.response.status_code", std::int64_t{500}}, {"url.path", std::string("/a")}, {"x", true}};
  span.resource = std::make_shared<Resource>(Resource{{{"service.name", std::string("shop")}}});
  Span bare;
  bare.start.ns = 5;  // ends before it starts
  EXPECT_EQ(json::parse(spans_json(std::vector<Span>{span, bare})), json::parse(R"({"spans": [
    {"trace_id": "0a0102030405060708090a0b0c0d0eff", "span_id": "0102030405060708", "parent_span_id": "",
     "service": "shop", "name": "GET /�", "kind": "server", "status": "error", "start_unix_ns": "1700000000123456789",
     "duration_ns": "1500", "attributes": {"http.response.status_code": "500", "url.path": "/a", "x": true}},
    {"trace_id": "", "span_id": "", "parent_span_id": "", "service": "", "name": "", "kind": "internal",
     "status": "unset", "start_unix_ns": "5", "duration_ns": "0", "attributes": {}}]})"));
}

}  // namespace
}  // namespace telegen::test
