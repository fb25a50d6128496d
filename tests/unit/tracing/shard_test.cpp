// Events → spans, with HTTP/1.1 as the protocol: identity, ends, joins, gaps and ends of connections.
#include "tracing/shard.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace telegen {
namespace {

constexpr std::string_view kRequest = "GET /users/7 HTTP/1.1\r\nHost: api.example\r\nUser-Agent: t\r\n\r\n";
constexpr std::string_view kResponse = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

SocketAddress ipv4(std::uint8_t last, std::uint16_t port) {
  return {.family = AddressFamily::kIpv4, .port = port, .bytes = {127, 0, 0, last}};
}

// One end of a connection; both ends of one count their bytes from the same numbers, as TCP does.
struct End {
  ConnectionId id;
  std::uint32_t process;
  std::uint32_t thread;
  std::uint32_t received = 1000;
  std::uint32_t sent = 5000;
};

class ShardTest : public ::testing::Test {
 protected:
  ShardTest() : shard(make_options(), Random(1), metrics) { shard.set_clock({1'000'000}); }

  static ShardOptions make_options(std::string propagation = "local") {
    ShardOptions options;
    for (const ProtocolRow& row : protocol_registry()) options.protocols.rows.push_back(&row);
    options.tracing.propagation = std::move(propagation);
    return options;
  }

  void open(const End& end, SocketAddress local, SocketAddress remote, Time established = {}, Time accepted = {}) {
    shard.on_event({now, ConnectionEvent{.connection = end.id,
                                         .process = end.process,
                                         .netns = 1,
                                         .established = established,
                                         .accepted = accepted,
                                         .sequence_positions = true,
                                         .positions = {end.received, end.sent},
                                         .local = std::move(local),
                                         .remote = std::move(remote)}});
  }
  // `captured` first bytes and `tail` last bytes reach user space; 0 captured means all of them.
  void move(End& end, Direction direction, std::string_view bytes, std::size_t captured = SIZE_MAX,
            std::size_t tail = 0) {
    now.ns += 1000;
    std::uint32_t& position = direction == Direction::kReceived ? end.received : end.sent;
    captured = std::min(captured, bytes.size());
    tail = std::min(tail, bytes.size() - captured);
    shard.on_event({now, DataEvent{.connection = end.id,
                                   .process = end.process,
                                   .thread = end.thread,
                                   .direction = direction,
                                   .sequence_position = true,
                                   .position = position,
                                   .length = static_cast<std::uint32_t>(bytes.size()),
                                   .head = bytes.substr(0, captured),
                                   .tail = bytes.substr(bytes.size() - tail)}});
    position += static_cast<std::uint32_t>(bytes.size());
  }
  void receive(End& end, std::string_view bytes) { move(end, Direction::kReceived, bytes); }
  void send(End& end, std::string_view bytes) { move(end, Direction::kSent, bytes); }
  void close(const End& end) { shard.on_event({now, EndEvent{end.id, true, Direction::kSent}}); }

  static const Value* find(const Span& span, std::string_view key) {
    const auto found = std::ranges::find(span.attributes, key, &Attribute::key);
    return found == span.attributes.end() ? nullptr : &found->value;
  }
  static std::string text(const Span& span, std::string_view key) {
    const Value* value = find(span, key);
    return value == nullptr ? "(none)" : std::get<std::string>(*value);
  }
  static std::int64_t number(const Span& span, std::string_view key) {
    const Value* value = find(span, key);
    return value == nullptr ? -1 : std::get<std::int64_t>(*value);
  }

  MetricRegistry metrics;
  Time now{1'000'000'000};
  Shard shard;
  End server{.id = 1, .process = 10, .thread = 11};
};

TEST_F(ShardTest, ARequestOfAServerBecomesASpanWithBothEnds) {
  open(server, ipv4(1, 80), ipv4(2, 4000), now, now + Duration(2'000'000));
  receive(server, kRequest);
  const Time asked = now;
  send(server, kResponse);
  ASSERT_EQ(shard.spans().size(), 1U);
  const Span& span = shard.spans()[0];
  EXPECT_EQ(span.kind, SpanKind::kServer);
  EXPECT_EQ(span.name, "GET /users/{id}");
  EXPECT_EQ(span.start.ns, asked.ns + 1'000'000);
  EXPECT_EQ(span.end.ns, now.ns + 1'000'000);
  EXPECT_EQ(span.process, 10U);
  EXPECT_TRUE(span.trace_id.valid());
  EXPECT_TRUE(span.span_id.valid());
  EXPECT_FALSE(span.parent_id.valid());
  EXPECT_FALSE(span.parent_is_remote);
  EXPECT_EQ(span.trace_flags, 1);
  EXPECT_EQ(span.status, SpanStatus::kUnset);
  EXPECT_EQ(text(span, "network.peer.address"), "127.0.0.2");
  EXPECT_EQ(number(span, "network.peer.port"), 4000);
  EXPECT_EQ(text(span, "client.address"), "127.0.0.2");
  EXPECT_EQ(text(span, "server.address"), "api.example");
  EXPECT_EQ(number(span, "server.port"), 80);
  EXPECT_EQ(number(span, "http.response.status_code"), 200);
  EXPECT_EQ(number(span, "http.response.body.size"), 5);
  ASSERT_NE(find(span, "telegen.connection.queue_time"), nullptr);
  EXPECT_DOUBLE_EQ(std::get<double>(*find(span, "telegen.connection.queue_time")), 0.002);

  receive(server, kRequest);
  send(server, kResponse);
  ASSERT_EQ(shard.spans().size(), 2U);
  EXPECT_EQ(find(shard.spans()[1], "telegen.connection.queue_time"), nullptr) << "only the first request waited";
  EXPECT_NE(shard.spans()[1].span_id, shard.spans()[0].span_id);
}

TEST_F(ShardTest, TheTraceparentOfARequestIsItsParent) {
  open(server, ipv4(1, 80), ipv4(2, 4000));
  receive(server,
          "GET / HTTP/1.1\r\nHost: x\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\n"
          "tracestate: a=b\r\n\r\n");
  send(server, kResponse);
  ASSERT_EQ(shard.spans().size(), 1U);
  const Span& span = shard.spans()[0];
  EXPECT_EQ(span.trace_id.bytes[0], 0x0a);
  EXPECT_EQ(span.trace_id.bytes[15], 0x9c);
  EXPECT_EQ(span.parent_id.bytes[0], 0xb7);
  EXPECT_TRUE(span.parent_is_remote);
  EXPECT_EQ(span.trace_flags, 0) << "the caller did not sample";
  EXPECT_EQ(span.trace_state, "a=b");
}

// curl → nginx → python, all on this host, no header anywhere: one trace, each the child of the one before. The
// server's read may well be reported before its client's write.
TEST_F(ShardTest, BothEndsOfAConnectionAndWhatAServerCallsAreOneTrace) {
  End curl{.id = 2, .process = 20, .thread = 20, .received = 5000, .sent = 1000};
  End upstream{.id = 3, .process = 10, .thread = 11, .received = 90, .sent = 70};
  End python{.id = 4, .process = 40, .thread = 41, .received = 70, .sent = 90};
  open(server, ipv4(1, 80), ipv4(1, 4000));
  open(curl, ipv4(1, 4000), ipv4(1, 80));
  open(upstream, ipv4(1, 6000), ipv4(1, 8000));
  open(python, ipv4(1, 8000), ipv4(1, 6000));
  receive(server, kRequest);
  send(curl, kRequest);
  send(upstream, kRequest);
  receive(python, kRequest);
  send(python, kResponse);
  receive(upstream, kResponse);
  send(server, kResponse);
  receive(curl, kResponse);
  ASSERT_EQ(shard.spans().size(), 4U);
  const Span& python_span = shard.spans()[0];
  const Span& upstream_span = shard.spans()[1];
  const Span& nginx_span = shard.spans()[2];
  const Span& curl_span = shard.spans()[3];
  EXPECT_EQ(curl_span.kind, SpanKind::kClient);
  EXPECT_FALSE(curl_span.parent_id.valid());
  EXPECT_EQ(nginx_span.parent_id, curl_span.span_id);
  EXPECT_TRUE(nginx_span.parent_is_remote);
  EXPECT_EQ(upstream_span.kind, SpanKind::kClient);
  EXPECT_EQ(upstream_span.parent_id, nginx_span.span_id);
  EXPECT_FALSE(upstream_span.parent_is_remote);
  EXPECT_EQ(python_span.parent_id, upstream_span.span_id);
  for (const Span& span : shard.spans()) {
    EXPECT_EQ(span.trace_id, curl_span.trace_id);
    EXPECT_FALSE(span.trace_decided) << "it began here";
  }
}

TEST_F(ShardTest, AllSpansOfATraceThatCameWithARequestSayThatItIsDecided) {
  End upstream{.id = 3, .process = 10, .thread = 11, .received = 90, .sent = 70};
  End python{.id = 4, .process = 40, .thread = 41, .received = 70, .sent = 90};
  open(server, ipv4(1, 80), ipv4(2, 4000));
  open(upstream, ipv4(1, 6000), ipv4(1, 8000));
  open(python, ipv4(1, 8000), ipv4(1, 6000));
  receive(server,
          "GET / HTTP/1.1\r\nHost: x\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
          "tracestate: a=b\r\n\r\n");
  send(upstream, kRequest);
  receive(python, kRequest);
  send(python, kResponse);
  receive(upstream, kResponse);
  send(server, kResponse);
  ASSERT_EQ(shard.spans().size(), 3U);
  for (const Span& span : shard.spans()) {
    EXPECT_EQ(span.trace_id.bytes[0], 0x0a);
    EXPECT_EQ(span.trace_flags, 1);
    EXPECT_EQ(span.trace_state, "a=b");
    EXPECT_TRUE(span.trace_decided);
  }
}

TEST(ShardPropagation, SwitchedOffJoinsNothing) {
  MetricRegistry metrics;
  ShardOptions options;
  for (const ProtocolRow& row : protocol_registry()) options.protocols.rows.push_back(&row);
  options.tracing.propagation = "off";
  Shard shard(std::move(options), Random(1), metrics);
  const auto data = [&](ConnectionId id, Direction d, std::uint32_t position, std::string_view bytes) {
    shard.on_event({{1000},
                    DataEvent{.connection = id,
                              .process = 1,
                              .thread = 1,
                              .direction = d,
                              .sequence_position = true,
                              .position = position,
                              .length = static_cast<std::uint32_t>(bytes.size()),
                              .head = bytes,
                              .tail = {}}});
  };
  shard.on_event(
      {{1}, ConnectionEvent{.connection = 1, .positions = {10, 10}, .local = ipv4(1, 80), .remote = ipv4(1, 4000)}});
  shard.on_event(
      {{1}, ConnectionEvent{.connection = 2, .positions = {10, 10}, .local = ipv4(1, 4000), .remote = ipv4(1, 80)}});
  data(2, Direction::kSent, 10, kRequest);
  data(1, Direction::kReceived, 10, kRequest);
  data(1, Direction::kSent, 10, kResponse);
  data(2, Direction::kReceived, 10, kResponse);
  ASSERT_EQ(shard.spans().size(), 2U);
  EXPECT_NE(shard.spans()[0].trace_id, shard.spans()[1].trace_id);
}

TEST_F(ShardTest, ABodyBeyondTheCaptureLimitIsSkippedNotLost) {
  open(server, ipv4(1, 80), ipv4(2, 4000));
  receive(server, kRequest);
  const std::string body(100'000, 'x');
  const std::string response = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body;
  move(server, Direction::kSent, response, 4096, 16);
  ASSERT_EQ(shard.spans().size(), 1U);
  EXPECT_EQ(number(shard.spans()[0], "http.response.body.size"), 100'000);
}

TEST_F(ShardTest, AChunkedBodyBeyondTheCaptureLimitEndsWhereItEnds) {
  open(server, ipv4(1, 80), ipv4(2, 4000));
  receive(server, kRequest);
  std::string response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) response += "400\r\n" + std::string(0x400, 'x') + "\r\n";
  response += "0\r\n\r\n";
  move(server, Direction::kSent, response, 4096, 16);
  ASSERT_EQ(shard.spans().size(), 1U) << "the transfer's tail shows the last chunk";
  EXPECT_EQ(shard.spans()[0].end.ns, now.ns + 1'000'000);
}

TEST_F(ShardTest, AChunkedBodyWhoseFramingIsLostEndsWithItsLastByte) {
  open(server, ipv4(1, 80), ipv4(2, 4000));
  receive(server, kRequest);
  move(server, Direction::kSent,
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" + std::string(0x400, 'x') + "\r\n");
  move(server, Direction::kSent, "400\r\n" + std::string(0x400, 'x') + "\r\n", 0, 16);
  move(server, Direction::kSent, "0\r\n\r\n", 0, 16);
  ASSERT_EQ(shard.spans().size(), 1U);
  EXPECT_EQ(shard.spans()[0].end.ns, now.ns + 1'000'000);
}

// What was lost before is not known then, so that even the first pair could be wrong.
TEST_F(ShardTest, AnUndescribedConnectionGivesNothing) {
  receive(server, kRequest);
  send(server, kResponse);
  EXPECT_TRUE(shard.spans().empty());
  open(server, ipv4(1, 80), ipv4(2, 4000));
  receive(server, kRequest);
  send(server, kResponse);
  EXPECT_EQ(shard.spans().size(), 1U);
}

// The agent starts while a body is on its way, and the body holds a line that looks like a request.
TEST_F(ShardTest, ABodyThatWasUnderWayIsNotTakenForARequest) {
  open(server, ipv4(1, 80), ipv4(2, 4000));
  receive(server, "GET /fake HTTP/1.1\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxx");
  send(server, kResponse);
  EXPECT_TRUE(shard.spans().empty());
  receive(server, kRequest);
  send(server, kResponse);
  ASSERT_EQ(shard.spans().size(), 1U);
  EXPECT_EQ(text(shard.spans()[0], "url.path"), "/users/7");
}

// A worker that replaces another is told of connections, but not where their streams stand.
TEST_F(ShardTest, AConnectionThatAnEarlierWorkerKnewGoesOn) {
  shard.on_event({{},
                  ConnectionEvent{.connection = server.id,
                                  .role = Role::kServer,
                                  .accepted = {5},
                                  .sequence_positions = true,
                                  .under_way = true,
                                  .local = ipv4(1, 80),
                                  .remote = ipv4(2, 4000)}});
  receive(server, kRequest);
  send(server, kResponse);
  ASSERT_EQ(shard.spans().size(), 1U);
  EXPECT_EQ(text(shard.spans()[0], "network.peer.address"), "127.0.0.2");
}

TEST_F(ShardTest, ARequestInSingleBytesIsRecognised) {
  open(server, ipv4(1, 80), ipv4(2, 4000), now, now);
  for (const char& c : kRequest) receive(server, std::string_view(&c, 1));
  for (const char& c : kResponse) send(server, std::string_view(&c, 1));
  ASSERT_EQ(shard.spans().size(), 1U);
  EXPECT_EQ(shard.spans()[0].name, "GET /users/{id}");
}

TEST_F(ShardTest, TheEndOfAConnectionFinishesWhatIsOpenAndFreesIt) {
  open(server, ipv4(1, 80), ipv4(2, 4000));
  receive(server, kRequest);
  send(server, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil close");
  EXPECT_TRUE(shard.spans().empty());
  EXPECT_EQ(shard.connections(), 1U);
  close(server);
  EXPECT_EQ(shard.spans().size(), 1U);
  EXPECT_EQ(shard.connections(), 0U);
}

TEST_F(ShardTest, UnixSocketsEndWithTheirProcess) {
  const SocketAddress path{.family = AddressFamily::kUnix, .path = "/run/app.sock"};
  open(server, path, path);
  receive(server, kRequest);
  send(server, kResponse);
  ASSERT_EQ(shard.spans().size(), 1U);
  EXPECT_EQ(text(shard.spans()[0], "network.transport"), "unix");
  EXPECT_EQ(text(shard.spans()[0], "network.peer.address"), "/run/app.sock");
  shard.on_event({now, ProcessEvent{.process = 99, .change = ProcessChange::kExit}});
  EXPECT_EQ(shard.connections(), 1U);
  shard.on_event({now, ProcessEvent{.process = 10, .change = ProcessChange::kExit}});
  EXPECT_EQ(shard.connections(), 0U);
  shard.on_event({now, ProcessEvent{.process = 10, .change = ProcessChange::kExit}});  // nothing is left of it
}

TEST_F(ShardTest, TheTableIsBoundedAndTheIdlestGoes) {
  ShardOptions options = make_options();
  options.connections = 100;
  Shard small(std::move(options), Random(1), metrics);
  for (ConnectionId id = 1; id <= 500; ++id) {
    small.on_event({{id * 1000}, ConnectionEvent{.connection = id}});
    ASSERT_LE(small.connections(), 100U);
  }
  small.sweep({500'000 + 3'700'000'000'000});
  EXPECT_EQ(small.connections(), 0U) << "what was idle for an hour is forgotten";
}

TEST_F(ShardTest, LostTransfersNeverMakeAWrongPair) {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    MetricRegistry registry;
    Shard lossy(make_options(), Random(1), registry);
    std::uint32_t received = 1, sent = 1;
    lossy.on_event({now, ConnectionEvent{.connection = 1, .sequence_positions = true, .positions = {1, 1}}});
    const auto transfer = [&](Direction d, std::uint32_t& position, const std::string& bytes) {
      const std::uint32_t at = position;
      position += static_cast<std::uint32_t>(bytes.size());
      if (random.next() % 5 == 0) return;
      lossy.on_event({{now.ns += 1000},
                      DataEvent{.connection = 1,
                                .process = 1,
                                .thread = 1,
                                .direction = d,
                                .sequence_position = true,
                                .position = at,
                                .length = static_cast<std::uint32_t>(bytes.size()),
                                .head = bytes,
                                .tail = {}}});
    };
    for (int i = 0; i < 40; ++i) {
      transfer(Direction::kReceived, received, "GET /n" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n");
      transfer(Direction::kSent, sent, "HTTP/1.1 " + std::to_string(200 + i) + " OK\r\nContent-Length: 0\r\n\r\n");
    }
    lossy.close_all(now);
    for (const Span& span : lossy.spans()) {
      if (number(span, "http.response.status_code") < 0) continue;
      EXPECT_EQ("/n" + std::to_string(number(span, "http.response.status_code") - 200), text(span, "url.path"))
          << "round " << round;
    }
  }
}

}  // namespace
}  // namespace telegen
