// Random conversations as the kernel's capture limit shows them: whatever is reported is a true pair with a true end.
#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "protocols/http1/http1.h"
#include "session_harness.h"

namespace telegen {
namespace {

using testing::kIn;
using testing::kOut;

struct Body {
  std::string bytes;
  std::uint64_t size = 0;
};

// Chunks of random sizes; their data may quote HTTP and chunk lines, all but the last chunk itself.
Body random_body(Random& random, bool trailers) {
  constexpr Bytes kQuotes[] = {"HTTP/1.1 299 OK\r\nContent-Length: 0\r\n\r\n", "GET /p99999 HTTP/1.1\r\n\r\n", "\r\n",
                               "10\r\n", "x"};
  Body body;
  for (std::uint64_t n = random.next() % 12; n > 0; --n) {
    std::string data;
    for (std::uint64_t i = 1 + random.next() % 40; i > 0; --i) data += kQuotes[random.next() % 5];
    data += "x";  // the CRLF after it makes no last chunk of it
    constexpr char kDigits[] = "0123456789abcdef";
    for (int shift = 12; shift >= 0; shift -= 4) body.bytes += kDigits[(data.size() >> shift) & 15];
    body.size += data.size();
    body.bytes += "\r\n" + data + "\r\n";
  }
  body.bytes += trailers ? "0\r\nX-T: 1\r\n\r\n" : "0\r\n\r\n";
  return body;
}

class Capture {
 public:
  explicit Capture(std::uint64_t seed) : random(seed), limit_(80 + random.next() % 600) {}

  // One turn in random transfers. As the kernel does: `limit_` bytes of the turn, then the last 16 of each transfer.
  void turn(Direction direction, Bytes bytes) {
    std::size_t budget = limit_;
    while (!bytes.empty()) {
      const std::size_t size = transfer_size(bytes);
      const std::size_t head = std::min(budget, size);
      const std::size_t tail = std::min<std::size_t>(16, size - head);
      budget -= head;
      feeder.now = feeder.now + Duration(1000);
      auto& position = feeder.position(direction);
      const auto give = [&](Bytes piece) {
        if (!piece.empty()) feeder.session.on_bytes(direction, piece, position, feeder.now, feeder.out);
        position += piece.size();
      };
      give(bytes.substr(0, head));
      if (size > head + tail) {
        feeder.session.on_gap(direction, size - head - tail, position, feeder.now, feeder.out);
        position += size - head - tail;
      }
      give(bytes.substr(size - tail, tail));
      bytes.remove_prefix(size);
    }
  }

  Random random;
  testing::Feeder<Http1> feeder;

 private:
  // Node writes the last chunk on its own; a transfer that ends by chance inside a line is as good as any.
  std::size_t transfer_size(Bytes bytes) {
    constexpr Bytes kLast = "0\r\n\r\n";
    std::size_t size = std::min<std::size_t>(bytes.size(), 1 + random.next() % 900);
    if (own_last_ && bytes.size() > kLast.size() && bytes.ends_with(kLast)) {
      size = std::min(size, bytes.size() - kLast.size());
    }
    return size;
  }
  std::size_t limit_;
  bool own_last_ = random.next() % 2 == 0;
};

struct Truth {
  Time request_end;
  Time end;
  int status;
  std::uint64_t request_size;
  std::uint64_t response_size;
};

void check(const Exchange& e, const Truth& truth, int& exact) {
  const auto all = testing::attributes_of(e);
  ASSERT_EQ(all.at("http.response.status_code"), std::to_string(truth.status));
  if (all.contains("http.request.body.size")) {
    EXPECT_EQ(all.at("http.request.body.size"), std::to_string(truth.request_size));
  }
  if (all.contains("http.response.body.size")) {
    EXPECT_EQ(all.at("http.response.body.size"), std::to_string(truth.response_size));
  }
  EXPECT_EQ(e.end.ns, truth.end.ns) << testing::summary(e);
  EXPECT_EQ(e.request_end.ns, truth.request_end.ns) << testing::summary(e);
  exact += !all.contains("telegen.partial");
}

TEST(Http1Capture, WhatIsReportedIsTrueAndNothingIsMissing) {
  constexpr int kExchanges = 12;
  int exact = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE(seed);
    Capture c(seed);
    std::map<std::uint64_t, Truth> truths;
    for (int i = 0; i < kExchanges; ++i) {
      const Body request = random_body(c.random, c.random.next() % 8 == 0);
      const Body response = random_body(c.random, c.random.next() % 8 == 0);
      Truth truth{{}, {}, 220 + i, request.size, response.size};
      const std::uint64_t position = c.feeder.position(kIn);
      c.turn(kIn, "POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + request.bytes);
      truth.request_end = c.feeder.now;
      c.turn(kOut,
             "HTTP/1.1 " + std::to_string(truth.status) + " OK\r\nTransfer-Encoding: chunked\r\n\r\n" + response.bytes);
      truth.end = c.feeder.now;
      truths[position] = truth;
      if (c.random.next() % 4 == 0) c.feeder.tick(std::chrono::seconds(6));
    }
    c.feeder.close();
    ASSERT_EQ(c.feeder.out.exchanges.size(), static_cast<std::size_t>(kExchanges));
    for (const Exchange& e : c.feeder.out.exchanges) {
      ASSERT_TRUE(truths.contains(e.request.position)) << "invented";
      check(e, truths[e.request.position], exact);
    }
  }
  EXPECT_GT(exact, 1500 * kExchanges * 3 / 4);
}

}  // namespace
}  // namespace telegen
