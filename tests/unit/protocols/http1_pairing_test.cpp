// Requests and responses brought together: order, losses, and the rule that a wrong pair is worse than none.
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

std::string get(int n) { return "GET /p" + std::to_string(n) + " HTTP/1.1\r\nHost: h\r\n\r\n"; }
// Status and length name the request that it answers.
int status_of(int n) { return 210 + n % 80; }
std::string answer(int n) {
  const std::size_t size = static_cast<std::size_t>(n) + 1;
  return "HTTP/1.1 " + std::to_string(status_of(n)) + " OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
         std::string(size, 'x');
}
// The answer's number by its size; -1 where it is not known.
int answer_of(const Exchange& exchange) {
  const auto all = attributes_of(exchange);
  const auto found = all.find("http.response.body.size");
  return found == all.end() ? -1 : std::stoi(found->second) - 1;
}
int request_of(const Exchange& exchange) { return std::stoi(exchange.name.substr(6)); }
std::string attribute(const Exchange& exchange, const std::string& key) {
  const auto all = attributes_of(exchange);
  return all.contains(key) ? all.at(key) : "-";
}

bool is_true_pair(const Exchange& e) {
  const std::string status = attribute(e, "http.response.status_code");
  const bool same_size = answer_of(e) < 0 || answer_of(e) == request_of(e);
  return same_size && (status == "-" || status == std::to_string(status_of(request_of(e))));
}

void expect_pairs(const Session1& s, std::vector<int> numbers) {
  std::vector<int> seen;
  for (const Exchange& e : s.out.exchanges) {
    seen.push_back(request_of(e));
    EXPECT_TRUE(is_true_pair(e)) << testing::summary(e);
  }
  EXPECT_EQ(seen, numbers);
}

TEST(Http1Pairing, AnyNumberOfRequestsMayBeInFlight) {
  Session1 s;
  std::string requests, responses;
  std::vector<int> all;
  for (int i = 0; i < 500; ++i) {
    requests += get(i);
    responses += answer(i);
    all.push_back(i);
  }
  s.in(requests).sent(responses);
  expect_pairs(s, all);
  EXPECT_EQ(s.out.requests.size(), 500u);
  EXPECT_TRUE(s.out.lost.empty());
  EXPECT_LT(s.session.held_bytes(), 1u << 16);
}

TEST(Http1Pairing, MoreThanTheLimitInFlightAreCountedAsLostAndNothingIsPairedWrongly) {
  Session1 s(Limits{.in_flight = 2});
  s.in(get(0) + get(1) + get(2) + get(3))
      .sent(answer(0) + answer(1) + answer(2) + answer(3))
      .in(get(4))
      .sent(answer(4));
  expect_pairs(s, {0, 1});
  ASSERT_EQ(s.out.lost.size(), 3u);
  EXPECT_EQ(s.out.lost[0].second, LossCause::kTableFull);
  EXPECT_EQ(s.out.lost[0].first.number, 3u);
}

TEST(Http1Pairing, AResponseWithoutRequestIsCountedAndGivesNothing) {
  Session1 s;
  s.sent(answer(0)).in(get(1)).sent(answer(1));
  expect_pairs(s, {1});
  EXPECT_EQ(s.out.count(LossCause::kUnmatched), 1u);
  EXPECT_EQ(s.out.losses.size(), 1u);
}

TEST(Http1Pairing, AnAnswerToAnUnseenHeadIsNotTakenForOneWithABody) {
  Session1 s;
  s.sent("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n").in(get(1)).sent(answer(1));
  expect_pairs(s, {1});
}

TEST(Http1Pairing, StartInsideABodyFindsTheNextMessage) {
  Session1 s;
  s.sent("rest of a body\r\n\r\nmore\r\n").in(get(1)).sent(answer(1));
  expect_pairs(s, {1});
  EXPECT_EQ(s.out.count(LossCause::kMalformed), 1u);
}

TEST(Http1Pairing, AnEarlyAnswerDoesNotWaitForTheRequestsBody) {
  Session1 s;
  s.in("POST /p0 HTTP/1.1\r\nContent-Length: 10\r\n\r\nab").sent("HTTP/1.1 413 Too\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  EXPECT_EQ(attribute(s.out.exchanges[0], "http.response.status_code"), "413");
  EXPECT_EQ(s.out.exchanges[0].request_end.ns, s.out.exchanges[0].response_start.ns);
  s.in("cdefghij").in(get(1)).sent(answer(1));
  ASSERT_EQ(s.out.exchanges.size(), 2u);
  EXPECT_EQ(request_of(s.out.exchanges[1]), 1);
  EXPECT_TRUE(s.out.losses.empty());
}

TEST(Http1Pairing, ARequestWithoutAnswerEndsWithTheConnection) {
  for (const bool fin : {true, false}) {
    Session1 s;
    s.in(get(0));
    fin ? s.end(kOut) : s.close();
    ASSERT_EQ(s.out.exchanges.size(), 1u);
    const Exchange& e = s.out.exchanges[0];
    EXPECT_EQ(attribute(e, "error.type"), "connection_closed");
    EXPECT_EQ(attribute(e, "http.response.status_code"), "-");
    EXPECT_EQ(e.status, SpanStatus::kError);
    EXPECT_EQ(e.response_start.ns, 0u);
    EXPECT_EQ(e.end.ns, 1'002'000u);
  }
}

TEST(Http1Pairing, AClientThatHasSaidAllStillGetsItsAnswer) {
  Session1 s;
  s.in(get(0)).end(kIn).sent(answer(0)).close();
  expect_pairs(s, {0});
  EXPECT_EQ(s.out.exchanges[0].status, SpanStatus::kUnset);
}

TEST(Http1Pairing, AnAnswerCutShortByTheServerIsAnError) {
  Session1 s;
  s.in(get(0)).sent("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").end(kOut).close();
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  EXPECT_EQ(attribute(s.out.exchanges[0], "telegen.partial"), "true");
  EXPECT_EQ(attribute(s.out.exchanges[0], "error.type"), "connection_closed");
  EXPECT_EQ(attribute(s.out.exchanges[0], "http.response.body.size"), "-");
}

TEST(Http1Pairing, AGapInsideABodyCostsNothing) {
  Session1 s;
  s.in("POST /p0 HTTP/1.1\r\nContent-Length: 100000\r\n\r\nabc").gap(kIn, 99997);
  s.sent("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nabc")
      .gap(kOut, 0xffff - 3 + 2)
      .sent("0\r\n\r\n");
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  const Exchange& e = s.out.exchanges[0];
  EXPECT_EQ(attribute(e, "http.request.body.size"), "100000");
  EXPECT_EQ(attribute(e, "http.response.body.size"), "65535");
  EXPECT_EQ(attribute(e, "telegen.partial"), "-");
  EXPECT_EQ(e.request_end.ns, 1'002'000u);
  EXPECT_TRUE(s.out.losses.empty());
}

TEST(Http1Pairing, AGapBeyondABodyEndsTheBody) {
  Session1 s;
  s.in(get(0)).sent("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").gap(kOut, 1000);
  ASSERT_EQ(s.out.exchanges.size(), 1u);
  EXPECT_EQ(attribute(s.out.exchanges[0], "http.response.body.size"), "10");
  EXPECT_EQ(s.out.count(LossCause::kGap), 1u);
}

TEST(Http1Pairing, ARequestHeadBeyondTheCaptureLimitIsUsedAsFarAsItIsKnown) {
  Session1 s;
  s.in("GET /p0 HTTP/1.1\r\nHost: h\r\nUser-Agent: u\r\nCookie: aaaa").gap(kIn, 9000).sent(answer(0));
  expect_pairs(s, {0});
  EXPECT_EQ(attribute(s.out.exchanges[0], "telegen.partial"), "true");
  EXPECT_EQ(attribute(s.out.exchanges[0], "user_agent.original"), "u");
  EXPECT_EQ(attribute(s.out.exchanges[0], "http.request.body.size"), "-");
  s.in(get(1)).sent(answer(1));
  expect_pairs(s, {0, 1});
}

TEST(Http1Pairing, AHeadCutInItsStartLineGivesNothing) {
  Session1 s;
  s.in("GET /p0").gap(kIn, 9000).sent(answer(0)).in(get(1)).sent(answer(1));
  expect_pairs(s, {1});
  EXPECT_EQ(s.out.requests.size(), 1u);
  EXPECT_EQ(s.out.count(LossCause::kUnmatched), 1u);
}

TEST(Http1Pairing, AResponseHeadBeyondTheCaptureLimitGivesItsStatus) {
  Session1 s;
  s.in(get(0)).sent("HTTP/1.1 503 No\r\nSet-Cookie: aaaa").gap(kOut, 9000).in(get(1)).sent(answer(1));
  ASSERT_EQ(s.out.exchanges.size(), 2u);
  EXPECT_TRUE(is_true_pair(s.out.exchanges[1]));
  EXPECT_EQ(attribute(s.out.exchanges[0], "http.response.status_code"), "503");
  EXPECT_EQ(attribute(s.out.exchanges[0], "telegen.partial"), "true");
  EXPECT_EQ(attribute(s.out.exchanges[0], "http.response.body.size"), "-");
}

TEST(Http1Pairing, ChunkBoundariesInAGapLeaveTheEndWhereBytesWereLastSeen) {
  Session1 s;
  s.in(get(0))
      .sent("HTTP/1.1 210 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
      .gap(kOut, 90)
      .sent("junk")
      .gap(kOut, 7);
  EXPECT_TRUE(s.out.exchanges.empty());
  s.in(get(1)).sent(answer(1));
  expect_pairs(s, {0, 1});
  EXPECT_EQ(attribute(s.out.exchanges[0], "telegen.partial"), "true");
  EXPECT_EQ(s.out.exchanges[0].end.ns, 1'005'000u);
}

TEST(Http1Pairing, ALostAnswerCostsTheOpenRequestsAndNoMore) {
  Session1 s;
  s.in(get(0))
      .sent(answer(0))
      .in(get(1))
      .in(get(2))
      .gap(kOut, answer(1).size())
      .sent(answer(2))
      .in(get(3))
      .sent(answer(3));
  expect_pairs(s, {0, 3});
  ASSERT_EQ(s.out.lost.size(), 2u);
  EXPECT_EQ(s.out.lost[0].first.number, 2u);
  EXPECT_EQ(s.out.lost[0].second, LossCause::kGap);
}

TEST(Http1Pairing, AfterALossAPipeliningConnectionIsNeverPairedAgain) {
  Session1 s;
  s.in(get(0))
      .in(get(1))
      .sent(answer(0))
      .gap(kIn, get(2).size())
      .in(get(3))
      .sent(answer(1))
      .sent(answer(2))
      .sent(answer(3));
  s.in(get(4)).sent(answer(4));
  expect_pairs(s, {0, 1});
  EXPECT_EQ(s.out.lost.size(), 2u);
  EXPECT_EQ(s.out.requests.size(), s.out.lost.size() + s.out.exchanges.size());
}

// Drops pieces at random. Whatever the losses, a pair that is reported is a true one, and every request that was seen
// is either an exchange or a counted loss.
void drop_at_random(bool pipelining, int& reported) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Random random(seed);
    const std::uint64_t one_in = 2 + random.next() % 12;
    Session1 s;
    bool may_drop = !pipelining;  // the rule holds from the moment that pipelining was seen
    const auto deliver = [&](Direction direction, const std::string& bytes) {
      std::size_t at = 0;
      while (at < bytes.size()) {
        const std::size_t size = std::min<std::size_t>(bytes.size() - at, 1 + random.next() % 70);
        const bool drop = may_drop && random.next() % one_in == 0;
        drop ? s.gap(direction, size) : s.bytes(direction, std::string_view(bytes).substr(at, size));
        at += size;
      }
    };
    int sent = 0, answered = 0;
    while (answered < 40) {
      const int depth = pipelining ? 1 + static_cast<int>(random.next() % 4) + (answered == 0) : 1;
      while (sent - answered < depth) deliver(kIn, get(sent++));
      deliver(kOut, answer(answered++));
      may_drop = true;
    }
    s.close();
    for (const Exchange& e : s.out.exchanges) {
      ASSERT_TRUE(is_true_pair(e)) << "seed " << seed << " " << testing::summary(e);
      ++reported;
    }
    ASSERT_EQ(s.out.requests.size(), s.out.exchanges.size() + s.out.lost.size()) << "seed " << seed;
  }
}

TEST(Http1Pairing, LossesNeverMakeAWrongPair) {
  int reported = 0;
  drop_at_random(false, reported);
  EXPECT_GT(reported, 3000) << "and do not end the pairing either";
}

TEST(Http1Pairing, LossesNeverMakeAWrongPairOnAPipeliningConnection) {
  int reported = 0;
  drop_at_random(true, reported);
  EXPECT_GT(reported, 3000);
}

}  // namespace
}  // namespace telegen
