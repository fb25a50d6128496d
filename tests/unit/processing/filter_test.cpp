#include "processing/filter.h"

#include <gtest/gtest.h>

#include "processing/span_processor.h"
#include "spans.h"

namespace telegen {
namespace {

using testing::http_request;
using testing::resource_of;
using Verdict = SpanFilter::Verdict;

Verdict judge(const FilterSettings& settings, const Span& span) {
  KeyProblems problems;
  const SpanFilter filter = SpanFilter::compile(settings, problems);
  EXPECT_TRUE(problems.empty()) << to_error(problems).message;
  return filter.judge(span);
}

bool rule_matches(const RuleSettings& rule, const Span& span) {
  KeyProblems problems;
  const SpanRule compiled = SpanRule::compile(rule, "rule", problems);
  EXPECT_TRUE(problems.empty()) << to_error(problems).message;
  return compiled.matches(span);
}

TEST(HealthChecks, AreLeftOutByDefault) {
  for (const char* path : {"/healthz", "/health", "/livez", "/livez/ping", "/readyz", "/ready", "/live", "/ping",
                           "/actuator/health", "/actuator/health/liveness"}) {
    EXPECT_EQ(judge({}, http_request("GET", path)), Verdict::kHealthCheck) << path;
    EXPECT_EQ(judge({}, http_request("HEAD", path)), Verdict::kHealthCheck) << path;
    EXPECT_EQ(judge({}, http_request("POST", path)), Verdict::kPass) << path;
    EXPECT_EQ(judge({.health_checks = false}, http_request("GET", path)), Verdict::kPass) << path;
  }
  EXPECT_EQ(judge({}, http_request("GET", "/api/health")), Verdict::kPass);
  EXPECT_EQ(judge({}, http_request("GET", "/healthy-food")), Verdict::kPass);
}

TEST(HealthChecks, AreKnownByTheirUserAgent) {
  for (const char* agent : {"kube-probe/1.29", "ELB-HealthChecker/2.0", "GoogleHC/1.0", "Consul Health Check",
                            "Amazon-Route53-Health-Check-Service (ref 1; report http://amzn.to/1vsZADi)"}) {
    EXPECT_EQ(judge({}, http_request("GET", "/", {{"user_agent.original", std::string(agent)}})), Verdict::kHealthCheck)
        << agent;
  }
  EXPECT_EQ(judge({}, http_request("GET", "/", {{"user_agent.original", std::string("curl/8")}})), Verdict::kPass);
}

TEST(HealthChecks, OfGrpcAndOfClients) {
  Span grpc;
  grpc.attributes = {{"rpc.system.name", std::string("grpc")},
                     {"rpc.method", std::string("grpc.health.v1.Health/Check")}};
  EXPECT_EQ(judge({}, grpc), Verdict::kHealthCheck);
  grpc.attributes[1].value = std::string("shop.Health/Check");
  EXPECT_EQ(judge({}, grpc), Verdict::kPass);

  Span client;
  client.attributes = {{"http.request.method", std::string("GET")},
                       {"url.full", std::string("http://shop:8080/healthz?verbose=/x")}};
  EXPECT_EQ(judge({}, client), Verdict::kHealthCheck);
  client.attributes[1].value = std::string("http://shop:8080?next=/healthz");
  EXPECT_EQ(judge({}, client), Verdict::kPass);
}

TEST(HealthChecks, ThatFailedAreKept) {
  Span span = http_request("GET", "/healthz", {{"http.response.status_code", std::int64_t{503}}});
  span.status = SpanStatus::kError;
  EXPECT_EQ(judge({}, span), Verdict::kPass);
}

TEST(HealthChecks, TheListsAreTheUsers) {
  FilterSettings settings;
  settings.health_check_paths = {"/alive/*"};
  settings.health_check_user_agents = {"/probe/"};
  EXPECT_EQ(judge(settings, http_request("GET", "/alive/1")), Verdict::kHealthCheck);
  EXPECT_EQ(judge(settings, http_request("GET", "/healthz")), Verdict::kPass);
  EXPECT_EQ(judge(settings, http_request("GET", "/", {{"user_agent.original", std::string("my probe 1")}})),
            Verdict::kHealthCheck);
}

TEST(SpanFilter, ExcludeWinsOverInclude) {
  FilterSettings settings;
  settings.include = {{.service = "shop*"}, {.service = "cart"}};
  settings.exclude = {{.service = "shop-test"}};
  const auto of = [&](const char* service) {
    return judge(settings, http_request("GET", "/", {}, resource_of(service)));
  };
  EXPECT_EQ(of("shop"), Verdict::kPass);
  EXPECT_EQ(of("cart"), Verdict::kPass);
  EXPECT_EQ(of("mail"), Verdict::kFiltered);
  EXPECT_EQ(of("shop-test"), Verdict::kFiltered);
}

TEST(SpanRule, EveryConditionMustHold) {
  const Span span = http_request("GET", "/products/7", {{"http.response.status_code", std::int64_t{404}}});
  const RuleSettings all = {.name = "GET *",
                            .service = "shop",
                            .path = "/products/*",
                            .route = "/products/{id}",
                            .status = "404",
                            .kind = "server",
                            .attributes = {{"http.request.method", "GET"}}};
  EXPECT_TRUE(rule_matches(all, span));
  for (std::string RuleSettings::* condition :
       {&RuleSettings::name, &RuleSettings::service, &RuleSettings::path, &RuleSettings::route}) {
    RuleSettings other = all;
    other.*condition = "other";
    EXPECT_FALSE(rule_matches(other, span));
  }
  RuleSettings other = all;
  other.status = "error,500-599";
  EXPECT_FALSE(rule_matches(other, span));
  other = all;
  other.kind = "client";
  EXPECT_FALSE(rule_matches(other, span));
  other = all;
  other.attributes["http.request.method"] = "PUT";
  EXPECT_FALSE(rule_matches(other, span));
  EXPECT_TRUE(rule_matches({}, span));
}

TEST(SpanRule, StatusIsOfTheSpanOrOfHttp) {
  Span span = http_request("GET", "/", {{"http.response.status_code", std::int64_t{503}}});
  span.status = SpanStatus::kError;
  for (const char* text : {"error", "503", "500-599", "unset, 503", "404,error", "503-503"}) {
    EXPECT_TRUE(rule_matches({.status = text}, span)) << text;
  }
  for (const char* text : {"unset", "ok", "502", "504-599", "400-499,ok"}) {
    EXPECT_FALSE(rule_matches({.status = text}, span)) << text;
  }
  span.attributes.pop_back();
  EXPECT_FALSE(rule_matches({.status = "100-599"}, span));
}

TEST(SpanRule, AttributesOfEveryTypeAndOfTheResource) {
  const Span span = http_request(
      "GET", "/",
      {{"whole", std::int64_t{-12}},
       {"real", 0.5},
       {"yes", true},
       {"list", std::vector<std::string>{"a", "bc"}},
       {"both", std::string("span")}},
      resource_of("shop", {{"k8s.namespace.name", std::string("prod")}, {"both", std::string("resource")}}));
  const auto with = [&](const char* key, const char* pattern) {
    return rule_matches({.attributes = {{key, pattern}}}, span);
  };
  EXPECT_TRUE(with("whole", "-12"));
  EXPECT_TRUE(with("real", "0.5"));
  EXPECT_TRUE(with("yes", "true"));
  EXPECT_TRUE(with("list", "b?"));
  EXPECT_FALSE(with("list", "a,bc"));
  EXPECT_TRUE(with("k8s.namespace.name", "prod"));
  EXPECT_TRUE(with("both", "span"));
  EXPECT_FALSE(with("both", "resource"));
  EXPECT_TRUE(with("whole", ""));  // there, whatever its value
  EXPECT_FALSE(with("absent", ""));
}

TEST(SpanProcessor, SaysWhichKeysAreWrong) {
  ProcessingSettings settings;
  settings.filter.health_check_paths = {"/ok", "["};
  settings.filter.include = {{}};
  settings.filter.exclude = {{.name = "fine"},
                             {.name = "/(/", .status = "600", .kind = "servant", .attributes = {{"a.b", "[x"}}}};
  EXPECT_EQ(testing::keys_of(SpanProcessor::check(settings, {})),
            (std::vector<std::string>{"pipeline.filter.health_check_paths[1]", "pipeline.filter.include[0]",
                                      "pipeline.filter.exclude[1].name", "pipeline.filter.exclude[1].status",
                                      "pipeline.filter.exclude[1].kind", "pipeline.filter.exclude[1].attributes.a.b"}));
  AttributeKeys keys;
  const SamplingScale scale;
  const auto made = SpanProcessor::make(settings, {}, keys, scale);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::kConfiguration);
  EXPECT_NE(made.error().message.find("pipeline.filter.exclude[1].status: '600' is not unset"), std::string::npos);
  for (const char* status : {"", "4", "4040", "99", "599-500", "404,", "-", "404-"}) {
    settings = {};
    settings.filter.exclude = {{.name = "*", .status = status}};
    EXPECT_EQ(SpanProcessor::check(settings, {}).size(), *status == '\0' ? 0U : 1U) << status;
  }
}

TEST(SpanProcessor, CountsWhatItFiltersAndKeepsTheOrder) {
  ProcessingSettings settings;
  settings.filter.exclude = {{.path = "/b"}};
  AttributeKeys keys;
  const SamplingScale scale;
  auto processor = SpanProcessor::make(settings, {}, keys, scale);
  ASSERT_TRUE(processor);
  std::vector<Span> spans;
  for (const char* path : {"/a", "/b", "/ping", "/c", "/b"}) spans.push_back(http_request("GET", path));
  const Processed out = processor->process(std::move(spans), {});
  ASSERT_EQ(out.ready.size(), 2U);
  EXPECT_EQ(std::get<std::string>(out.ready[0].attributes[1].value), "/a");
  EXPECT_EQ(std::get<std::string>(out.ready[1].attributes[1].value), "/c");
  EXPECT_EQ(out.dropped_by(ProcessingDrop::kFiltered), 2U);
  EXPECT_EQ(out.dropped_by(ProcessingDrop::kHealthCheck), 1U);
  EXPECT_EQ(out.dropped_in_all(), 3U);
}

}  // namespace
}  // namespace telegen
