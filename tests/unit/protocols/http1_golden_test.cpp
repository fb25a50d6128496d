// What real programs said to each other (tests/golden/protocols/http1), and what is to be told of it.
#include "conversation_file.h"
#include "protocols/http1/http1.h"

namespace telegen {
namespace {

using testing::Feeder;

std::vector<std::string> replay(const std::string& name, bool as_server) {
  Feeder<Http1> feeder;
  for (const auto& piece : testing::read_conversation("http1/" + name, as_server).pieces) {
    feeder.bytes(piece.direction, piece.bytes);
  }
  feeder.close();
  EXPECT_TRUE(feeder.out.losses.empty());
  EXPECT_TRUE(feeder.out.lost.empty());
  std::vector<std::string> told;
  for (const Exchange& e : feeder.out.exchanges) {
    auto all = testing::attributes_of(e);
    const auto or_dash = [&](const char* key) { return all.contains(key) ? all[key] : "-"; };
    EXPECT_EQ(all["server.address"], "127.0.0.1" == all["server.address"] ? "127.0.0.1" : "h");
    told.push_back(e.name + " " + or_dash("http.response.status_code") + " in " + or_dash("http.request.body.size") +
                   " out " + or_dash("http.response.body.size") + " v" + or_dash("network.protocol.version") +
                   (e.context.valid() ? " ctx" : "") + (e.status == SpanStatus::kError ? " error" : ""));
  }
  return told;
}

using Lines = std::vector<std::string>;

TEST(Http1Golden, NginxAndCurlOnOneConnection) {
  EXPECT_EQ(
      replay("nginx-curl-keepalive", true),
      (Lines{"GET / 200 in - out 5 v1.1", "GET /users/{id} 200 in - out 5 v1.1", "POST /form 200 in 3 out 5 v1.1",
             "HEAD /h 200 in - out - v1.1", "GET /missing 404 in - out 153 v1.1", "GET /old 301 in - out 169 v1.1"}));
  EXPECT_EQ(replay("nginx-curl-keepalive", false),
            (Lines{"GET 200 in - out 5 v1.1", "GET 200 in - out 5 v1.1", "POST 200 in 3 out 5 v1.1",
                   "HEAD 200 in - out - v1.1", "GET 404 in - out 153 v1.1 error", "GET 301 in - out 169 v1.1"}));
}

TEST(Http1Golden, NginxAnswersAPipeline) {
  EXPECT_EQ(replay("nginx-pipelined", true), (Lines{"GET /{id} 200 in - out 5 v1.1", "GET /{id} 200 in - out 5 v1.1",
                                                    "GET /{id} 200 in - out 5 v1.1", "GET /last 200 in - out 5 v1.1"}));
}

TEST(Http1Golden, NodeStreamsChunksBothWays) {
  EXPECT_EQ(replay("node-curl-chunked", true),
            (Lines{"POST /stream 200 in 9 out 13 v1.1 ctx", "GET /plain 200 in - out 12 v1.1"}));
}

TEST(Http1Golden, PythonSpeaksHttp10) {
  EXPECT_EQ(replay("python-curl-http10", true), (Lines{"GET /file.txt 200 in - out 8 v1.1"}));
}

}  // namespace
}  // namespace telegen
