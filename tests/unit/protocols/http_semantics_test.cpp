#include <gtest/gtest.h>

#include "protocols/http/route.h"
#include "protocols/http/semantics.h"
#include "protocols/http/target.h"
#include "session_harness.h"

namespace telegen::http {
namespace {

using testing::attributes_of;
using Map = std::map<std::string, std::string>;

TEST(Route, ValuesBecomePlaceholdersAndNamesStay) {
  const std::vector<std::pair<Bytes, std::string>> table = {
      {"/", "/"},
      {"/users/42", "/users/{id}"},
      {"/users/42/", "/users/{id}/"},
      {"/v2/api/oauth2/token", "/v2/api/oauth2/token"},
      {"/a/-1.5/b", "/a/{id}/b"},
      {"/o/123e4567-e89b-12d3-a456-426614174000", "/o/{uuid}"},
      {"/c/0af7651916cd43dd8448eb211c80319c", "/c/{hash}"},
      {"/c/deadbeef", "/c/deadbeef"},  // letters alone may be a word
      {"/c/dead8eef", "/c/{hash}"},
      {"/d/2024-02-29/x", "/d/{date}/x"},
      {"/d/2024-02-29T10:00:00Z", "/d/{date}"},
      {"/m/jo@example.org", "/m/{email}"},
      {"/m/jo%40example.org", "/m/{email}"},
      {"/m/@jo", "/m/{value}"},
      {"/order-12345", "/{id}"},
      {"/t/dGhpcyBpcyBhIHRlc3Q1", "/t/{id}"},
      {"/t/abcdefghijklmnopqrstuvwxyzabcdefghij", "/t/{id}"},
      {"/find/hello%20world", "/find/{value}"},
      {"/index.html", "/index.html"},
      {"//x", "//x"},
      {"/a/b/c/d/e/f/g/h/i/j", "/a/b/c/d/e/f/g/h/*"},
  };
  for (const auto& [path, route] : table) {
    EXPECT_EQ(route_of(path, {}).pattern, route);
    EXPECT_TRUE(route_of(path, {}).guessed);
  }
}

TEST(Route, ThePatternsOfTheUserComeFirstInTheirOrder) {
  const std::vector<std::string> patterns = {"/users/me", "/users/{name}", "/files/*", "/a/*/c"};
  const auto route = [&](Bytes path) { return route_of(path, patterns); };
  EXPECT_EQ(route("/users/me").pattern, "/users/me");
  EXPECT_EQ(route("/users/jo").pattern, "/users/{name}");
  EXPECT_FALSE(route("/users/jo").guessed);
  EXPECT_EQ(route("/files/a/b/c").pattern, "/files/*");
  EXPECT_EQ(route("/a/b/c").pattern, "/a/*/c");
  for (const Bytes other : {"/users", "/users/", "/users/jo/x", "/files", "/files/", "/a/b/c/d", "/a//c"}) {
    EXPECT_TRUE(route(other).guessed) << other;
    EXPECT_EQ(route(other).pattern, other);
  }
}

TEST(TargetForms, AreSplitAsRfc9112Section32Says) {
  const Target origin = split_target("/p?q=1?2#f", false);
  EXPECT_EQ(origin.path, "/p");
  EXPECT_EQ(origin.query, "q=1?2");
  EXPECT_EQ(origin.authority, "");
  const Target absolute = split_target("http://user:pw@h:81/p?q", false);
  EXPECT_EQ(absolute.scheme, "http");
  EXPECT_EQ(absolute.authority, "user:pw@h:81");
  EXPECT_EQ(absolute.path, "/p");
  EXPECT_EQ(absolute.query, "q");
  EXPECT_EQ(split_target("http://h", false).path, "/");
  EXPECT_EQ(split_target("*", false).path, "*");
  EXPECT_EQ(split_target("h:443", true).authority, "h:443");
  EXPECT_EQ(split_target("h:443", true).path, "");
  EXPECT_EQ(split_target("/to?u=http://x/", false).path, "/to") << "a URL in the query is not the target";
}

TEST(TargetForms, AuthoritiesHaveHostAndPort) {
  const auto check = [](Bytes text, Bytes host, int port) {
    EXPECT_EQ(split_authority(text).host, host) << text;
    EXPECT_EQ(split_authority(text).port, port) << text;
  };
  check("h", "h", 0);
  check("h:8080", "h", 8080);
  check("u:p@h:1", "h", 1);
  check("[2001:db8::1]:443", "2001:db8::1", 443);
  check("[2001:db8::1]", "2001:db8::1", 0);
  check("[2001", "", 0);
  check("h:99999", "h", 0);
  check("h:1x", "h", 0);
  check("h:", "h", 0);
}

RequestHead request(Bytes method, Bytes target) {
  return {.method = method, .target = target, .version = "1.1", .host = "shop.test:8080", .user_agent = "curl/8"};
}

TEST(Semantics, AServerSpanHasTheAttributesOfTheConventions) {
  Exchange exchange;
  RequestHead head = request("GET", "/users/7?sig=s3cret&a=b");
  head.forwarded = "For=\"[2001:db8::7]:99\";proto=https, for=10.0.0.1";
  head.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  head.traceparents = 1;
  head.tracestate[0] = "a=1";
  head.tracestates = 1;
  describe_request(head, Role::kServer, {}, 4096, exchange);
  describe_response(404, Role::kServer, exchange);
  EXPECT_EQ(exchange.name, "GET /users/{id}");
  EXPECT_EQ(attributes_of(exchange), (Map{{"http.request.method", "GET"},
                                          {"url.path", "/users/7"},
                                          {"url.query", "sig=REDACTED&a=b"},
                                          {"url.scheme", "http"},
                                          {"http.route", "/users/{id}"},
                                          {"telegen.http.route.guessed", "true"},
                                          {"server.address", "shop.test"},
                                          {"server.port", "8080"},
                                          {"client.address", "2001:db8::7"},
                                          {"network.protocol.version", "1.1"},
                                          {"user_agent.original", "curl/8"},
                                          {"http.response.status_code", "404"}}));
  EXPECT_EQ(exchange.status, SpanStatus::kUnset) << "a client's mistake is no error of the server";
  EXPECT_FALSE(exchange.context.valid()) << "the caller asks for it, before the request is described";
  EXPECT_TRUE(context_of(head).valid());
  EXPECT_EQ(context_of(head).state, "a=1");
}

TEST(Semantics, AClientSpanHasTheFullUrlWithoutSecrets) {
  Exchange exchange;
  describe_request(request("POST", "http://jo:pw@api.test/x?AWSAccessKeyId=A&Signature=B&X-Goog-Signature=C&y=1"),
                   Role::kClient, {}, 4096, exchange);
  describe_response(404, Role::kClient, exchange);
  EXPECT_EQ(exchange.name, "POST");
  EXPECT_EQ(attributes_of(exchange),
            (Map{{"http.request.method", "POST"},
                 {"url.full",
                  "http://REDACTED:REDACTED@api.test/"
                  "x?AWSAccessKeyId=REDACTED&Signature=REDACTED&X-Goog-Signature=REDACTED&y=1"},
                 {"server.address", "api.test"},
                 {"server.port", "80"},
                 {"network.protocol.version", "1.1"},
                 {"user_agent.original", "curl/8"},
                 {"http.response.status_code", "404"},
                 {"error.type", "404"}}));
  EXPECT_EQ(exchange.status, SpanStatus::kError);
}

TEST(Semantics, OddMethodsAreOtherAndKeepTheirSpelling) {
  for (const Bytes method : {"get", "PURGE", "PROPFIND"}) {
    Exchange exchange;
    describe_request(request(method, "/a"), Role::kServer, {}, 4096, exchange);
    EXPECT_EQ(exchange.name, "HTTP /a");
    EXPECT_EQ(attributes_of(exchange)["http.request.method"], "_OTHER");
    EXPECT_EQ(attributes_of(exchange)["http.request.method_original"], method);
  }
}

TEST(Semantics, TargetsWithoutAPathGiveNoRoute) {
  Exchange options;
  describe_request(request("OPTIONS", "*"), Role::kServer, {}, 4096, options);
  EXPECT_EQ(options.name, "OPTIONS");
  EXPECT_EQ(attributes_of(options)["url.path"], "*");
  EXPECT_EQ(attributes_of(options).count("http.route"), 0u);
  Exchange connect;
  describe_request(request("CONNECT", "db.test:5432"), Role::kClient, {}, 4096, connect);
  EXPECT_EQ(connect.name, "CONNECT");
  EXPECT_EQ(attributes_of(connect)["server.address"], "db.test");
  EXPECT_EQ(attributes_of(connect)["server.port"], "5432");
  EXPECT_EQ(attributes_of(connect).count("url.full"), 0u);
}

TEST(Semantics, ForwardedAddressesThatHideTheClientAreNoAddress) {
  const auto address = [](Bytes forwarded, Bytes forwarded_for) {
    RequestHead head = request("GET", "/");
    head.forwarded = forwarded;
    head.forwarded_for = forwarded_for;
    Exchange exchange;
    describe_request(head, Role::kServer, {}, 4096, exchange);
    return attributes_of(exchange)["client.address"];
  };
  EXPECT_EQ(address("for=_secret", ""), "");
  EXPECT_EQ(address("for=unknown", ""), "");
  EXPECT_EQ(address("proto=http;for=192.0.2.1:5", ""), "192.0.2.1");
  EXPECT_EQ(address("", "203.0.113.9, 10.0.0.1"), "203.0.113.9");
  EXPECT_EQ(address("", "2001:db8::1"), "2001:db8::1");
}

TEST(Semantics, ErrorsAreFiveHundredsForServersAndFailuresAreNamed) {
  Exchange server;
  describe_response(503, Role::kServer, server);
  EXPECT_EQ(attributes_of(server), (Map{{"http.response.status_code", "503"}, {"error.type", "503"}}));
  EXPECT_EQ(server.status, SpanStatus::kError);
  describe_failure("connection_closed", server);
  EXPECT_EQ(attributes_of(server)["error.type"], "503") << "the first cause stays";
  Exchange none;
  describe_failure("connection_closed", none);
  EXPECT_EQ(attributes_of(none), (Map{{"error.type", "connection_closed"}}));
}

TEST(Semantics, TwoTraceparentsAreNone) {
  RequestHead head = request("GET", "/");
  head.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  head.traceparents = 2;
  Exchange exchange;
  describe_request(head, Role::kServer, {}, 4096, exchange);
  EXPECT_FALSE(exchange.context.valid());
}

}  // namespace
}  // namespace telegen::http
