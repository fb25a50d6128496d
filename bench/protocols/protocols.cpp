// The user-space cost of one exchange, from captured bytes to an Exchange with its attributes.
#include <benchmark/benchmark.h>

#include "protocols/core/session_of.h"
#include "protocols/http1/http1.h"

namespace {

using namespace telegen;

// nginx `return 200` as driven by wrk.
constexpr Bytes kRequest = "GET /api/users/1234 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: wrk/4.1.0\r\n\r\n";
constexpr Bytes kResponse =
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 16:20:21 GMT\r\nContent-Type: text/plain\r\n"
    "Content-Length: 64\r\nConnection: keep-alive\r\nX-Request-Id: 123456\r\n\r\n"
    "0123456789012345678901234567890123456789012345678901234567890123";

struct Discard final : ExchangeSink {
  void on_request(const RequestMark&, const TraceContext&) override {}
  void on_exchange(Exchange&& exchange) override {
    benchmark::DoNotOptimize(exchange.attributes.data());
    ++exchanges;
  }
  void on_lost_request(const RequestMark&, LossCause) override {}
  void on_loss(Direction, LossCause, Time) override {}
  std::int64_t exchanges = 0;
};

void exchange(benchmark::State& state, Bytes request, Bytes response, Direction in) {
  const ProtocolSettings settings;
  SessionOf<Http1> session({}, settings);
  Discard out;
  std::uint64_t positions[2] = {0, 0};
  Time now{1};
  for (auto _ : state) {
    now = now + Duration(1000);
    session.on_bytes(in, request, positions[0], now, out);
    positions[0] += request.size();
    now = now + Duration(1000);
    session.on_bytes(opposite(in), response, positions[1], now, out);
    positions[1] += response.size();
  }
  if (out.exchanges != static_cast<std::int64_t>(state.iterations())) state.SkipWithError("exchanges are missing");
  state.SetItemsProcessed(out.exchanges);
}

void Http1Server(benchmark::State& state) { exchange(state, kRequest, kResponse, Direction::kReceived); }
void Http1Client(benchmark::State& state) { exchange(state, kRequest, kResponse, Direction::kSent); }
BENCHMARK(Http1Server);
BENCHMARK(Http1Client);

}  // namespace
