// One message at a time: RFC 9112, clause by clause.
#include <gtest/gtest.h>

#include "protocols/core/registry.h"
#include "protocols/http1/http1.h"
#include "session_harness.h"

namespace telegen {
namespace {

using testing::attributes_of;
using testing::Feeder;
using testing::kIn;
using testing::kOut;
using Map = std::map<std::string, std::string>;
using Session1 = Feeder<Http1>;

const std::string kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

// Feeds request and response, then one more pair that proves that the stream's thread was not lost.
Exchange first_of(const std::string& request, const std::string& response) {
  Session1 s;
  s.in(request).sent(response).in("GET /proof HTTP/1.1\r\n\r\n").sent(kOk);
  EXPECT_EQ(s.out.exchanges.size(), 2u) << request << response;
  EXPECT_TRUE(s.out.losses.empty()) << request << response;
  EXPECT_EQ(s.session.held_bytes() < 16 * 1024, true);
  if (s.out.exchanges.size() != 2) return {};
  EXPECT_EQ(s.out.exchanges[1].name, "GET /proof");
  return std::move(s.out.exchanges[0]);
}

std::string attribute(const Exchange& exchange, const std::string& key) {
  const Map all = attributes_of(exchange);
  return all.contains(key) ? all.at(key) : "-";
}

TEST(Http1, OneExchangeIsReportedInFull) {
  Session1 s;
  s.in(kGet).sent(kOk);
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  const Exchange& e = s.out.exchanges[0];
  EXPECT_EQ(e.name, "GET /a");
  EXPECT_EQ(e.request.number, 1u);
  EXPECT_EQ(e.request.direction, kIn);
  EXPECT_EQ(e.request.position, 1000u);
  EXPECT_EQ(e.request.first_byte.ns, 1'001'000u);
  EXPECT_EQ(e.request_end.ns, 1'001'000u);
  EXPECT_EQ(e.response_start.ns, 1'002'000u);
  EXPECT_EQ(e.end.ns, 1'002'000u);
  EXPECT_EQ(e.status, SpanStatus::kUnset);
  EXPECT_EQ(e.status_message, "");
  EXPECT_FALSE(e.context.valid());
  EXPECT_EQ(attributes_of(e), (Map{{"http.request.method", "GET"},
                                   {"url.path", "/a"},
                                   {"url.scheme", "http"},
                                   {"http.route", "/a"},
                                   {"telegen.http.route.guessed", "true"},
                                   {"server.address", "h"},
                                   {"server.port", "80"},
                                   {"network.protocol.version", "1.1"},
                                   {"http.response.status_code", "200"},
                                   {"http.response.body.size", "2"}}));
  ASSERT_EQ(s.out.requests.size(), 1u);
  EXPECT_EQ(s.out.requests[0].number, 1u);
  EXPECT_EQ(s.out.requests[0].position, 1000u);
  EXPECT_TRUE(s.out.lost.empty());
  EXPECT_TRUE(s.out.losses.empty());
}

TEST(Http1, TimesArePartedByChunks) {
  Session1 s;
  s.in("POST /a HTTP/1.1\r\nContent-").in("Length: 4\r\n\r\nab").in("cd");           // 1001, 1002, 1003
  s.sent("HTTP/1.1 201 Created\r\n").sent("Content-Length: 3\r\n\r\na").sent("bc");  // 1004, 1005, 1006
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  const Exchange& e = s.out.exchanges[0];
  EXPECT_EQ(e.request.first_byte.ns, 1'001'000u);
  EXPECT_EQ(e.request_end.ns, 1'003'000u);
  EXPECT_EQ(e.response_start.ns, 1'004'000u);
  EXPECT_EQ(e.end.ns, 1'006'000u);
  EXPECT_EQ(attribute(e, "http.request.body.size"), "4");
  EXPECT_EQ(attribute(e, "http.response.body.size"), "3");
}

TEST(Http1, TheClientSideIsSeenAsOne) {
  Session1 s;
  s.sent("GET /a?x=1 HTTP/1.1\r\nHost: api.test:81\r\n\r\n").in(kOk);
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  EXPECT_EQ(s.out.exchanges[0].request.direction, kOut);
  EXPECT_EQ(s.out.exchanges[0].request.position, 5000u);
  EXPECT_EQ(attribute(s.out.exchanges[0], "url.full"), "http://api.test:81/a?x=1");
}

TEST(Http1, BodiesEndWhereSection63Says) {
  const auto size = [](const std::string& response, const std::string& request = kGet) {
    return attribute(first_of(request, response), "http.response.body.size");
  };
  EXPECT_EQ(size("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), "3");
  EXPECT_EQ(size("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "0");
  EXPECT_EQ(size("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\ncontent-length: 3\r\n\r\nabc"), "3");
  EXPECT_EQ(size("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=\"y\"\r\nd\r\n0\r\n\r\n"), "4");
  EXPECT_EQ(size("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\nA \r\n0123456789\r\n000\r\nT: 1\r\n\r\n"),
            "10");
  EXPECT_EQ(size("HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"),
            "1");
  EXPECT_EQ(size("HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n"), "-");
  EXPECT_EQ(size("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), "-");
  EXPECT_EQ(size("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD /a HTTP/1.1\r\n\r\n"), "-");
  EXPECT_EQ(size("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HEAD /a HTTP/1.1\r\n\r\n"), "-");
}

TEST(Http1, RequestBodiesAreSkippedWhateverTheyHold) {
  const std::string inner = kGet + kOk;
  const std::string n = std::to_string(inner.size());
  EXPECT_EQ(attribute(first_of("POST /a HTTP/1.1\r\nContent-Length: " + n + "\r\n\r\n" + inner, kOk),
                      "http.request.body.size"),
            n);
  EXPECT_EQ(
      attribute(first_of("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1c\r\n" + kGet + "\r\n0\r\n\r\n", kOk),
                "http.request.body.size"),
      std::to_string(0x1c));
  EXPECT_EQ(kGet.size(), 0x1cu);
}

TEST(Http1, ABodyUntilCloseEndsWithTheConnection) {
  for (const bool half : {true, false}) {
    Session1 s;
    s.in("GET /a HTTP/1.0\r\n\r\n").sent("HTTP/1.0 200 OK\r\n\r\nab").sent("HTTP/1.1 200 OK\r\n\r\n").gap(kOut, 5);
    EXPECT_TRUE(s.out.exchanges.empty());
    half ? s.end(kOut) : s.close();
    s.close();
    ASSERT_EQ(s.out.exchanges.size(), 1u);
    EXPECT_EQ(attribute(s.out.exchanges[0], "http.response.body.size"), "26");
    EXPECT_EQ(attribute(s.out.exchanges[0], "network.protocol.version"), "1.0");
    EXPECT_EQ(attribute(s.out.exchanges[0], "telegen.partial"), "-");
    EXPECT_EQ(s.out.exchanges[0].end.ns, 1'004'000u) << "the last byte, not the end";
    EXPECT_EQ(s.out.exchanges[0].status, SpanStatus::kUnset);
  }
}

TEST(Http1, InterimResponsesAreNotTheAnswer) {
  const Exchange e = first_of("POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
                              "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\n" + kOk);
  EXPECT_EQ(attribute(e, "http.response.status_code"), "200");
}

TEST(Http1, AnUpgradeEndsTheProtocol) {
  Session1 s;
  s.in("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
      .sent("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n");
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  EXPECT_EQ(attribute(s.out.exchanges[0], "http.response.status_code"), "101");
  EXPECT_TRUE(s.session.ended());
  s.in(kGet).sent(kOk).gap(kIn, 3).close();
  EXPECT_EQ(s.out.exchanges.size(), 1u);
  EXPECT_TRUE(s.out.losses.empty());
}

TEST(Http1, ATunnelEndsTheProtocolOnlyIfItWasGranted) {
  Session1 granted;
  granted.sent("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n").in("HTTP/1.1 200 Connection established\r\n\r\n");
  ASSERT_EQ(granted.out.exchanges.size(), 1u);
  EXPECT_EQ(granted.out.exchanges[0].name, "CONNECT");
  EXPECT_TRUE(granted.session.ended());
  EXPECT_EQ(attribute(first_of("CONNECT db:5432 HTTP/1.1\r\n\r\n", "HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\nx"),
                      "http.response.status_code"),
            "407");
}

TEST(Http1, OddButUnderstandableHeadsAreUnderstood) {
  EXPECT_EQ(first_of("\r\n\r\n" + kGet, kOk).request.position, 1004u) << "section 2.2: empty lines before";
  EXPECT_EQ(first_of("GET /a HTTP/1.1\nHost: h\n\n", "HTTP/1.1 200\nContent-Length: 0\n\n").name, "GET /a")
      << "bare LF";
  EXPECT_EQ(attribute(first_of("GET /a HTTP/1.1\r\nUser-Agent: x\r\n  y\r\n\tz\r\n\r\n", kOk), "user_agent.original"),
            "x    y   z");
  EXPECT_EQ(attribute(first_of("GET /a HTTP/1.1\r\nuSER-aGENT:\t x \t\r\n\r\n", kOk), "user_agent.original"), "x");
  EXPECT_EQ(attribute(first_of("GET /a HTTP/1.1\r\nUser-Agent : x\r\n\r\n", kOk), "user_agent.original"), "-");
  EXPECT_EQ(attribute(first_of(kGet, "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nx"), "http.response.body.size"),
            "1");
  EXPECT_EQ(attribute(first_of("get /a HTTP/1.1\r\n\r\n", kOk), "http.request.method_original"), "get");
  EXPECT_EQ(attribute(first_of("GET http://o.test/p HTTP/1.1\r\nHost: wrong\r\n\r\n", kOk), "server.address"),
            "o.test");
  Session1 s;  // more white space than section 3 wants, on a connection that is known to be HTTP
  s.in(kGet).sent(kOk).in("GET  \t/b   HTTP/1.1 \r\n\r\n").sent(kOk);
  ASSERT_EQ(s.out.exchanges.size(), 2u);
  EXPECT_EQ(s.out.exchanges[1].name, "GET /b");
}

TEST(Http1, InvalidFramingIsReportedAndNothingBehindItIsTrusted) {
  for (const std::string bad : {"Content-Length: 1\r\nContent-Length: 2", "Content-Length: x", "Content-Length: -1",
                                "Content-Length: 99999999999999999999", "Content-Length:", "Transfer-Encoding: gzip"}) {
    Session1 s;
    s.in("POST /a HTTP/1.1\r\n" + bad + "\r\n\r\nab").sent("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
    ASSERT_EQ(s.out.exchanges.size(), 1u) << bad;
    EXPECT_EQ(attribute(s.out.exchanges[0], "telegen.partial"), "true");
    EXPECT_EQ(attribute(s.out.exchanges[0], "http.request.body.size"), "-");
    EXPECT_EQ(attribute(s.out.exchanges[0], "http.response.status_code"), "400");
    EXPECT_EQ(s.out.count(LossCause::kMalformed), 1u);
    s.in(kGet).sent(kOk);
    ASSERT_EQ(s.out.exchanges.size(), 2u) << "the next start line is found: " << bad;
    EXPECT_EQ(s.out.exchanges[1].name, "GET /a");
  }
}

TEST(Http1, WhatIsNotHttp1IsRefused) {
  for (const std::string bad :
       {"GET /a\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "ET /a HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02",
        "GET a HTTP/1.1\r\n\r\n", "GET /a HTTP/1.x\r\n\r\n", "G:T /a HTTP/1.1\r\n\r\n", "GET /a b HTTP/1.1\r\n\r\n",
        "SSH-2.0-x\r\n", "EHLO mail.test\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 020 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n"}) {
    EXPECT_EQ(Http1::recognise(bad), Match::kNo) << bad;
    Session1 s;
    s.in(bad).sent(kOk).close();
    EXPECT_TRUE(s.out.requests.empty()) << bad;
    EXPECT_TRUE(s.out.exchanges.empty()) << bad;
  }
}

TEST(Http1, IsRecognisedFromEveryPrefixOfAStartLine) {
  const std::vector<std::pair<std::string, Match>> lines = {
      {"GET /a?b HTTP/1.1\r\n", Match::kRequest},       {"HEAD / HTTP/1.0\r\n", Match::kRequest},
      {"OPTIONS * HTTP/1.1\r\n", Match::kRequest},      {"CONNECT h:1 HTTP/1.1\r\n", Match::kRequest},
      {"POST http://h/ HTTP/1.1\r\n", Match::kRequest}, {"HTTP/1.1 200 OK\r\n", Match::kResponse},
      {"HTTP/1.0 404\r\n", Match::kResponse},           {"\r\nPUT /x HTTP/1.1\n", Match::kRequest}};
  for (const auto& [line, match] : lines) {
    EXPECT_EQ(Http1::recognise(line), match) << line;
    for (std::size_t n = 0; n < line.size(); ++n)
      EXPECT_EQ(Http1::recognise(line.substr(0, n)), Match::kMaybe) << line << n;
  }
}

TEST(Http1, MalformedChunksLoseTheBodyButNotTheExchange) {
  for (const std::string bad : {"x\r\n", ";\r\n", "1z\r\na\r\n", "1111111111111111\r\n", "-1\r\n"}) {
    Session1 s;
    s.in(kGet).sent("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").sent(bad);
    s.in("GET /b HTTP/1.1\r\n\r\n").sent(kOk);
    ASSERT_EQ(s.out.exchanges.size(), 2u) << bad;
    EXPECT_EQ(attribute(s.out.exchanges[0], "telegen.partial"), "true");
    EXPECT_EQ(attribute(s.out.exchanges[0], "http.response.body.size"), "-");
    EXPECT_EQ(s.out.exchanges[1].name, "GET /b");
  }
}

TEST(Http1, AHeadLargerThanTheLimitGivesWhatItsBeginningSays) {
  Session1 s(Limits{.frame_bytes = 256});
  s.in("GET /big HTTP/1.1\r\nHost: h\r\nCookie: " + std::string(600, 'x'))
      .in(std::string(100, 'y') + "\r\n\r\n")
      .sent(kOk);
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  EXPECT_EQ(s.out.exchanges[0].name, "GET /big");
  EXPECT_EQ(attribute(s.out.exchanges[0], "server.address"), "h");
  EXPECT_EQ(attribute(s.out.exchanges[0], "telegen.partial"), "true");
}

TEST(Http1, ManyTracestatesAreJoinedAndTwoTraceparentsVoid) {
  const std::string parent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n";
  const Exchange e = first_of("GET / HTTP/1.1\r\n" + parent + "tracestate: a=1\r\nTraceState: b=2\r\n\r\n", kOk);
  EXPECT_TRUE(e.context.valid());
  EXPECT_EQ(e.context.flags, 0);
  EXPECT_EQ(e.context.state, "a=1,b=2");
  EXPECT_FALSE(first_of("GET / HTTP/1.1\r\n" + parent + parent + "\r\n", kOk).context.valid());
}

TEST(Registry, HasHttp1AndItsRowMakesSessions) {
  const auto rows = protocol_registry();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].name, "http1");
  EXPECT_EQ(rows[0].title, "HTTP/1.x");
  EXPECT_EQ(rows[0].config_key, "http");
  EXPECT_EQ(rows[0].recognise("GET / HTTP/1.1\r\n"), Match::kRequest);
  EXPECT_EQ(rows[0].resync("xx\r\nGET / HTTP/1.1\r\n"), 4u);
  const ProtocolSettings settings;
  testing::Recorder out;
  const auto session = rows[0].make_session({}, settings);
  session->on_bytes(kIn, kGet, 1, {1}, out);
  session->on_bytes(kOut, kOk, 1, {2}, out);
  EXPECT_EQ(out.exchanges.size(), 1u);
}

}  // namespace
}  // namespace telegen
