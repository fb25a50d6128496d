// The user-space path from ring records to what is sent, without a kernel and without a network: records as the BPF
// programs lay them out, of a wrk-like load on nginx `return 200` over 64 connections. `per_span` is CPU time. Budget:
// decode and assemble at most 1 µs a span, all of it with OTLP and gzip at most 3 µs.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "abi/event.h"
#include "base/metrics.h"
#include "export/otlp/traces.h"
#include "export/transport/compression.h"
#include "ingest/event.h"
#include "tracing/shard.h"

namespace telegen {
namespace {

constexpr std::size_t kConnections = 64;
constexpr std::size_t kBatch = 512;
constexpr std::uint32_t kServer = 1042;  // pid

constexpr Bytes kRequest = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: wrk/4.1.0\r\nAccept: */*\r\n\r\n";
constexpr Bytes kResponse =
    "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 16:20:21 GMT\r\nContent-Type: text/plain\r\n"
    "Content-Length: 64\r\nConnection: keep-alive\r\nX-Request-Id: 12345678\r\n\r\n"
    "0123456789012345678901234567890123456789012345678901234567890123";
static_assert(kRequest.size() > 70 && kRequest.size() < 90);
static_assert(kResponse.size() > 220 && kResponse.size() < 260);

template <class T>
std::string record_of(T& raw, tg_event_type type, Bytes payload = {}) {
  raw.event.size = static_cast<__u32>(sizeof raw + payload.size());
  raw.event.type = type;
  std::string bytes(sizeof raw + payload.size(), '\0');
  std::memcpy(bytes.data(), &raw, sizeof raw);
  std::memcpy(bytes.data() + sizeof raw, payload.data(), payload.size());
  return bytes;
}

void set_loopback(tg_address& address, __u16 port) {
  const __u8 loopback[4] = {127, 0, 0, 1};
  std::memcpy(address.bytes, loopback, sizeof loopback);
  address.port = port;
}

std::string connection_record(std::size_t i) {
  tg_connection_event raw{};
  raw.event.time = 1;
  raw.connection = 1000 + i;
  raw.tgid = raw.tid = kServer;
  raw.family = TG_FAMILY_IPV4;
  raw.role = TG_ROLE_SERVER;
  raw.netns = 1;
  set_loopback(raw.local, 8080);
  set_loopback(raw.remote, static_cast<__u16>(40000 + i));
  return record_of(raw, TG_EVENT_CONNECTION);
}

std::string data_record(std::size_t i, tg_direction direction, Bytes payload) {
  tg_data_event raw{};
  raw.connection = 1000 + i;
  raw.tgid = raw.tid = kServer;
  raw.length = raw.captured = static_cast<__u32>(payload.size());
  raw.direction = static_cast<__u8>(direction);
  raw.flags = TG_DATA_POSITION;
  return record_of(raw, TG_EVENT_DATA, payload);
}

ShardOptions all_protocols() {
  ShardOptions options;
  for (const ProtocolRow& row : protocol_registry()) options.protocols.rows.push_back(&row);
  return options;
}

// Plays exchanges round robin over the connections. Records are kept and only their time and position change, as a
// ring's memory is written by somebody else.
class Load {
 public:
  Load() : shard_(all_protocols(), Random(1), metrics_) {
    shard_.set_clock({1'700'000'000'000'000'000});
    for (std::size_t i = 0; i < kConnections; ++i) {
      feed(connection_record(i));
      requests_.push_back(data_record(i, TG_RECEIVED, kRequest));
      responses_.push_back(data_record(i, TG_SENT, kResponse));
    }
  }
  bool good() const { return good_; }
  std::vector<Span>& spans() { return shard_.spans(); }

  void exchanges(std::size_t count) {
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t i = next_++ % kConnections;
      const std::uint64_t turn = (next_ - 1) / kConnections;
      play(requests_[i], turn * kRequest.size());
      play(responses_[i], turn * kResponse.size());
    }
  }

 private:
  void play(std::string& record, std::uint64_t position) {
    position &= UINT32_MAX;
    now_ += 10'000;
    std::memcpy(record.data() + offsetof(tg_data_event, event.time), &now_, sizeof now_);
    std::memcpy(record.data() + offsetof(tg_data_event, position), &position, sizeof position);
    feed(record);
  }
  void feed(Bytes record) {
    const auto event = decode_event(record);
    good_ = good_ && event.has_value();
    if (event) shard_.on_event(*event);
  }

  MetricRegistry metrics_;
  Shard shard_;
  std::vector<std::string> requests_, responses_;
  std::size_t next_ = 0;
  std::uint64_t now_ = 1'000'000'000;
  bool good_ = true;
};

// As discovery makes it, in size and number of attributes.
ResourcePtr nginx_resource() {
  Resource out;
  for (const auto& [key, value] : {std::pair{"service.name", "nginx"},
                                   {"service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"},
                                   {"telemetry.sdk.name", "telegen"},
                                   {"telemetry.sdk.language", "cpp"},
                                   {"telemetry.sdk.version", "0.1.0"},
                                   {"host.name", "box"},
                                   {"host.id", "0123456789abcdef0123456789abcdef"},
                                   {"host.arch", "amd64"},
                                   {"os.type", "linux"},
                                   {"process.executable.path", "/usr/sbin/nginx"}}) {
    out.attributes.push_back({key, std::string(value)});
  }
  return std::make_shared<const Resource>(std::move(out));  // shared like every resource
}

void report(benchmark::State& state, bool complete) {
  if (!complete) state.SkipWithError("spans are missing");
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kBatch));
  state.counters["per_span"] = benchmark::Counter(
      static_cast<double>(kBatch), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void decode_and_assemble(benchmark::State& state) {
  Load load;
  bool complete = true;
  for (auto _ : state) {
    load.exchanges(kBatch);
    complete = complete && load.good() && load.spans().size() == kBatch;
    benchmark::DoNotOptimize(load.spans().data());
    load.spans().clear();
  }
  report(state, complete);
}
BENCHMARK(decode_and_assemble)->MeasureProcessCPUTime();

void ring_to_compressed_otlp(benchmark::State& state) {
  Load load;
  Compressor compressor(Compression::kGzip);
  const ResourcePtr resource = nginx_resource();
  std::string out;
  bool complete = true;
  for (auto _ : state) {
    load.exchanges(kBatch);
    complete = complete && load.good() && load.spans().size() == kBatch;
    for (Span& span : load.spans()) span.resource = resource;
    out.clear();
    complete = compressor.append(otlp::encode_traces(load.spans(), {"telegen", "0.1.0"}), out) && complete;
    load.spans().clear();
  }
  report(state, complete);
  state.counters["bytes_per_span"] = static_cast<double>(out.size()) / kBatch;
}
BENCHMARK(ring_to_compressed_otlp)->MeasureProcessCPUTime();

}  // namespace
}  // namespace telegen
