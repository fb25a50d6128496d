#include "conversation_file.h"
#include "protocol_properties.h"
#include "protocols/http1/http1.h"

namespace telegen {
namespace {

using testing::Conversation;
using testing::kIn;
using testing::kOut;

std::vector<Conversation> handmade() {
  const std::string post = "POST /a/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello\r\nbody";
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\na\r\n0123456789\r\n0\r\nT: 1\r\n\r\n";
  return {
      {"post, interim, chunked with trailers",
       {{kIn, post}, {kOut, "HTTP/1.1 100 Continue\r\n\r\n"}, {kOut, chunked}, {kIn, post}, {kOut, chunked}}},
      {"bare line feeds", {{kIn, "GET /a HTTP/1.1\nHost: h\n\n"}, {kOut, "HTTP/1.1 204 None\n\n"}}},
      {"until close", {{kIn, "GET /a HTTP/1.0\r\n\r\n"}, {kOut, "HTTP/1.0 200 OK\r\n\r\nall\r\nof it"}}},
      {"head, folded header",
       {{kIn, "HEAD /a HTTP/1.1\r\nUser-Agent: a\r\n b\r\n\r\n"},
        {kOut, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"},
        {kIn, "GET /b HTTP/1.1\r\n\r\n"},
        {kOut, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"}}},
      {"websocket",
       {{kIn, "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"},
        {kOut, "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n"},
        {kIn, "\x81\x02hi"},
        {kOut, "\x81\x02ho"}}},
  };
}

TEST(Http1Properties, HoldForHandmadeConversations) { testing::check_properties<Http1>(handmade()); }

TEST(Http1Properties, HoldForRecordedConversations) {
  std::vector<Conversation> corpus;
  for (const char* name : {"nginx-curl-keepalive", "nginx-pipelined", "node-curl-chunked", "python-curl-http10"}) {
    corpus.push_back(testing::read_conversation(std::string("http1/") + name, true));
    corpus.push_back(testing::read_conversation(std::string("http1/") + name, false));
  }
  testing::check_properties<Http1>(corpus);
}

}  // namespace
}  // namespace telegen
