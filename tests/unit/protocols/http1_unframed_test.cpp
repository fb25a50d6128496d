// Chunked bodies whose framing lay in a gap, as the kernel's capture limit makes them: the first bytes of a turn, and
// of every transfer beyond the limit only the last 16.
#include <gtest/gtest.h>

#include "base/random.h"
#include "protocols/http1/http1.h"
#include "session_harness.h"

namespace telegen {
namespace {

using testing::attributes_of;
using testing::Feeder;
using testing::kIn;
using testing::kOut;
using Session1 = Feeder<Http1>;

constexpr Bytes kGet = "GET /p0 HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr Bytes kNext = "GET /p1 HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr Bytes kHead = "HTTP/1.1 201 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr Bytes kShort = "HTTP/1.1 202 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr Duration kSecond = std::chrono::seconds(1);

std::string attribute(const Exchange& exchange, const std::string& key) {
  const auto all = attributes_of(exchange);
  return all.contains(key) ? all.at(key) : "-";
}

void expect(const Exchange& e, const std::string& status, std::uint64_t end, bool partial) {
  EXPECT_EQ(attribute(e, "http.response.status_code"), status);
  EXPECT_EQ(e.end.ns, end);
  EXPECT_EQ(attribute(e, "telegen.partial"), partial ? "true" : "-");
  EXPECT_EQ(attribute(e, "error.type"), "-");
}

// A response that has begun and whose chunk lines are then lost. The clock stands at 1'003'000.
void lose_framing(Session1& s) { s.in(kGet).sent(std::string(kHead) + "400\r\nabcdef").gap(kOut, 9000); }

TEST(Http1Unframed, TheLastChunkAtTheEndOfATailEndsTheResponse) {
  Session1 s;
  lose_framing(s);
  EXPECT_TRUE(s.out.exchanges.empty());
  s.sent("xxxxxxxxx\r\n0\r\n\r\n");
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  const Exchange& e = s.out.exchanges[0];
  expect(e, "201", 1'004'000, false);
  EXPECT_EQ(attribute(e, "http.response.body.size"), "-");
  EXPECT_EQ(e.response_start.ns, 1'002'000u);
  EXPECT_EQ(e.request_end.ns, 1'001'000u);
  EXPECT_TRUE(s.out.losses.empty());
  EXPECT_TRUE(s.out.lost.empty());
  EXPECT_FALSE(s.session.wants_tick());
  s.in(kNext).sent(kShort);
  ASSERT_EQ(s.out.exchanges.size(), 2u);
  expect(s.out.exchanges[1], "202", 1'006'000, false);
  EXPECT_EQ(attribute(s.out.exchanges[1], "http.response.body.size"), "2");
}

TEST(Http1Unframed, TheLastChunkMayBeATransferOfItsOwn) {
  struct Case {
    std::vector<Bytes> pieces;  // an empty one is a gap
    bool ends;
  };
  const Case cases[] = {
      {{"0\r\n\r\n"}, true},
      {{"abc\r\n", "0\r\n\r\n"}, true},
      {{"abc\r\n", "", "0\r\n\r\n"}, true},
      {{"abc\r\n0\r\n", "\r\n"}, true},
      {{"\r\n", "0", "\r", "\n", "\r", "\n"}, true},
      {{"abc", "0\r\n\r\n"}, false},  // what precedes it is known, and is not the end of a chunk
      {{"10\r\n\r\n"}, false},        // a chunk's size and an empty line in it
      {{"\r\n10\r\n\r\n"}, false},
      {{"\r\n0\r\n\r\nx"}, false},  // not at the end of a piece
      {{"\r\n0\r\n", "", "\r\n"}, false},
      {{"\r\n0\r\nX: y\r\n\r\n"}, false},
      {{"\r\n\r\n"}, false},
  };
  for (const Case& c : cases) {
    Session1 s;
    lose_framing(s);
    for (const Bytes piece : c.pieces) piece.empty() ? s.gap(kOut, 50) : s.sent(piece);
    SCOPED_TRACE(c.pieces.front());
    ASSERT_EQ(s.out.exchanges.size(), c.ends ? 1u : 0u);
    if (c.ends) expect(s.out.exchanges[0], "201", s.now.ns, false);
  }
}

TEST(Http1Unframed, AGapWithinAChunkThatEndsBeforeItKeepsTheFraming) {
  Session1 s;
  s.in(kGet).sent(std::string(kHead) + "400\r\nabcdef").gap(kOut, 0x400 - 6).sent("\r\n3\r\nabc\r\n0\r\n\r\n");
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  EXPECT_EQ(attribute(s.out.exchanges[0], "http.response.body.size"), "1027");
}

TEST(Http1Unframed, ABodyThatQuotesHttpIsNotRead) {
  Session1 s;
  lose_framing(s);
  s.sent(kShort).sent(std::string("a\r\n") + std::string(kHead)).sent(kGet).gap(kOut, 40).sent(kShort);
  EXPECT_TRUE(s.out.exchanges.empty());
  s.sent("\r\n0\r\n\r\n");
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  expect(s.out.exchanges[0], "201", 1'009'000, false);
  EXPECT_EQ(s.out.requests.size(), 1u);
  EXPECT_TRUE(s.out.losses.empty());
}

TEST(Http1Unframed, TrailersCannotBeRecognisedAndTheNextRequestEndsTheResponse) {
  Session1 s;
  lose_framing(s);
  s.sent("\r\n0\r\nX: y\r\n\r\n").in(kNext);
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  expect(s.out.exchanges[0], "201", 1'004'000, true);
  s.sent(kShort);
  ASSERT_EQ(s.out.exchanges.size(), 2u);
  expect(s.out.exchanges[1], "202", 1'006'000, false);
  EXPECT_TRUE(s.out.losses.empty());
}

TEST(Http1Unframed, ALastChunkThatIsReportedAfterTheNextRequestIsNoAnswerToIt) {
  Session1 s;
  lose_framing(s);
  s.in(kNext).sent("0\r\n\r\n").sent(kShort);
  ASSERT_EQ(s.out.exchanges.size(), 2u);
  expect(s.out.exchanges[1], "202", 1'006'000, false);
  EXPECT_EQ(s.out.exchanges[1].name, "GET /p1");
}

// After a request that came before the response's end the connection pipelines for all that is known.
TEST(Http1Unframed, WhatFollowsARequestAndIsNoResponseCostsIt) {
  for (const bool gap : {true, false}) {
    Session1 s;
    lose_framing(s);
    s.in(kNext);
    gap ? s.gap(kOut, 300) : s.sent("the rest\r\n0\r\n\r\n");
    s.sent(kShort);
    ASSERT_EQ(s.out.exchanges.size(), 1u);
    ASSERT_EQ(s.out.lost.size(), 1u);
    EXPECT_EQ(s.out.lost[0].first.number, 2u);
    EXPECT_EQ(s.out.count(LossCause::kUnmatched), 1u);
  }
}

TEST(Http1Unframed, NoGapIsBridgedWhereAnotherAnswerMayBeInIt) {
  Session1 s;
  s.in(kGet)
      .in(kNext)
      .sent(std::string(kHead) + "400\r\nabcdef")
      .gap(kOut, 9000)
      .sent("\r\n0\r\n\r\n")
      .sent(kShort)
      .close();
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  EXPECT_EQ(attribute(s.out.exchanges[0], "telegen.partial"), "true");
  ASSERT_EQ(s.out.lost.size(), 1u);
  EXPECT_EQ(s.out.count(LossCause::kGap), 1u);
}

TEST(Http1Unframed, SilenceEndsAResponseWhoseEndCannotBeKnown) {
  Session1 s;
  lose_framing(s);
  s.sent("more");
  EXPECT_TRUE(s.session.wants_tick());
  s.tick(5 * kSecond - Duration(1));
  EXPECT_TRUE(s.out.exchanges.empty());
  s.tick(Duration(1));
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  expect(s.out.exchanges[0], "201", 1'004'000, true);
  EXPECT_FALSE(s.session.wants_tick());
  s.tick(kSecond).sent("more").sent("\r\n0\r\n\r\n").tick(6 * kSecond);
  EXPECT_EQ(s.out.exchanges.size(), 1u) << "reported once";
  s.in(kNext).sent(kShort);
  ASSERT_EQ(s.out.exchanges.size(), 2u);
  EXPECT_TRUE(s.out.losses.empty());
}

TEST(Http1Unframed, SilenceEndsAResponseWhoseHeadWasCut) {
  Session1 s;
  s.in(kGet).sent("HTTP/1.1 503 No\r\nSet-Cookie: aaaa").gap(kOut, 9000);
  EXPECT_TRUE(s.session.wants_tick());
  s.tick(5 * kSecond);
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  EXPECT_EQ(s.out.exchanges[0].end.ns, 1'003'000u);
}

TEST(Http1Unframed, SilenceEndsNothingThatCanStillBeKnown) {
  for (const Bytes begun : {Bytes("HTTP/1.1 201 OK\r\nContent-Length: 9\r\n\r\nab"), Bytes("HTTP/1.0 201 OK\r\n\r\nab"),
                            Bytes("HTTP/1.1 201 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"), Bytes()}) {
    Session1 s;
    s.in(kGet);
    if (!begun.empty()) s.sent(begun);
    EXPECT_FALSE(s.session.wants_tick());
    s.tick(60 * kSecond);
    EXPECT_TRUE(s.out.exchanges.empty()) << begun;
  }
}

TEST(Http1Unframed, TheCloseEndsItAtTheLastByteSeen) {
  Session1 s;
  lose_framing(s);
  s.sent("more").tick(kSecond).end(kOut);
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  expect(s.out.exchanges[0], "201", 1'004'000, true);
}

constexpr Bytes kPost = "POST /p0 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n400\r\nabcdef";

TEST(Http1Unframed, ARequestsBodyEndsAtItsLastChunk) {
  Session1 s;
  s.in(kPost).gap(kIn, 9000).in(kNext).in("xx\r\n0\r\n\r\n").sent(kShort).in(kNext).sent(kShort);
  ASSERT_EQ(s.out.exchanges.size(), 2u);
  const Exchange& e = s.out.exchanges[0];
  expect(e, "202", 1'005'000, false);
  EXPECT_EQ(e.request_end.ns, 1'004'000u);
  EXPECT_EQ(attribute(e, "http.request.body.size"), "-");
  EXPECT_EQ(s.out.exchanges[1].name, "GET /p1");
  EXPECT_EQ(s.out.requests.size(), 2u) << "the start line in the body is none";
  EXPECT_TRUE(s.out.losses.empty());
}

TEST(Http1Unframed, ARequestsBodyWithTrailersEndsWithItsLastByteBeforeTheAnswer) {
  Session1 s;
  s.in(kPost).gap(kIn, 9000).in("\r\n0\r\nX: y\r\n\r\n").sent(kShort).in(kNext).sent(kShort);
  ASSERT_EQ(s.out.exchanges.size(), 2u);
  EXPECT_EQ(s.out.exchanges[0].request_end.ns, 1'003'000u);
  EXPECT_EQ(s.out.exchanges[1].name, "GET /p1");
  EXPECT_TRUE(s.out.losses.empty());
}

TEST(Http1Unframed, AGapAfterTheAnswerMayHoldARequest) {
  Session1 s;
  s.in(kPost).gap(kIn, 9000).sent(kShort).gap(kIn, kNext.size()).sent(kShort).in(kNext).sent(kShort);
  ASSERT_EQ(s.out.exchanges.size(), 2u);
  EXPECT_EQ(s.out.count(LossCause::kUnmatched), 1u);
  EXPECT_EQ(s.out.count(LossCause::kGap), 1u);
  EXPECT_EQ(s.out.exchanges[1].request.first_byte.ns, 1'006'000u);
}

TEST(Http1Unframed, NoGapIsBridgedWhereAnotherRequestMayBeInIt) {
  Session1 s;
  s.in(kNext).in(kPost).gap(kIn, 9000).in("xx\r\n0\r\n\r\n").sent(kShort);
  EXPECT_EQ(s.out.count(LossCause::kGap), 1u);
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  EXPECT_EQ(s.out.exchanges[0].name, "GET /p1");
}

// The end that was recognised may be none: what follows must be a start line beyond doubt, of whatever method.
TEST(Http1Unframed, AfterALastChunkAStartLineMustBePlausible) {
  for (const auto& [line, requests] : {std::pair{"ET /p1 HTTP/1.1\r\n\r\n", 1u}, {"FROB /p1 HTTP/1.1\r\n\r\n", 2u}}) {
    Session1 s;
    s.in(kPost).gap(kIn, 9000).in("xx\r\n0\r\n\r\n").sent(kShort).in(line).sent(kShort);
    EXPECT_EQ(s.out.requests.size(), requests) << line;
    EXPECT_EQ(s.out.exchanges.size(), requests) << line;
  }
}

}  // namespace
}  // namespace telegen
