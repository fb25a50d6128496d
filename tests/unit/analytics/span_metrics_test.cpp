// Which metric a span is counted in, with which attributes, and what of it leaves.
#include "analytics/span_metrics.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "spans.h"

namespace telegen {
namespace {

using namespace std::chrono_literals;
using testing::attributes_text;
using testing::made;
using testing::numbered;
using testing::points_of;
using testing::span_of;

constexpr UnixTime kNow{testing::kEpoch};
const std::vector<double> kRequestBounds = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10};
const std::vector<double> kDatabaseBounds = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10};

Attributes http_server() {
  return {{"http.request.method", std::string("GET")},
          {"url.path", std::string("/items/7")},
          {"url.query", std::string("a=1")},
          {"http.route", std::string("/items/{id}")},
          {"telegen.http.route.guessed", true},
          {"url.scheme", std::string("http")},
          {"client.address", std::string("10.0.0.1")},
          {"server.address", std::string("shop.example")},
          {"server.port", std::int64_t{8080}},
          {"network.protocol.version", std::string("1.1")},
          {"user_agent.original", std::string("curl/8")},
          {"http.response.status_code", std::int64_t{503}},
          {"error.type", std::string("503")},
          {"network.peer.address", std::string("10.0.0.1")},
          {"network.peer.port", std::int64_t{40000}}};
}

struct Case {
  const char* what;
  SpanKind kind;
  Attributes attributes;
  const char* metric;  // empty: none
  const char* expected;
  std::vector<double> bounds = kRequestBounds;
};

std::vector<Case> cases() {
  const auto text = [](const char* value) { return std::string(value); };
  return {
      {"an HTTP server", SpanKind::kServer, http_server(), "http.server.request.duration",
       "error.type=503 http.request.method=GET http.response.status_code=503 http.route=/items/{id} "
       "network.protocol.version=1.1 url.scheme=http"},
      {"an HTTP client",
       SpanKind::kClient,
       {{"http.request.method", text("POST")},
        {"url.full", text("http://a.example:81/x?y")},
        {"server.address", text("a.example")},
        {"server.port", std::int64_t{81}},
        {"url.scheme", text("http")},
        {"network.protocol.name", text("spdy")},
        {"network.protocol.version", text("3")},
        {"http.response.status_code", std::int64_t{200}}},
       "http.client.request.duration",
       "http.request.method=POST http.response.status_code=200 network.protocol.name=spdy network.protocol.version=3 "
       "server.address=a.example server.port=81"},
      {"an RPC server",
       SpanKind::kServer,
       {{"rpc.system.name", text("grpc")},
        {"rpc.method", text("pkg.Shop/Buy")},
        {"rpc.response.status_code", text("UNAVAILABLE")},
        {"error.type", text("UNAVAILABLE")},
        {"server.address", text("shop")},
        {"network.protocol.version", text("2")}},
       "rpc.server.call.duration",
       "error.type=UNAVAILABLE rpc.method=pkg.Shop/Buy rpc.response.status_code=UNAVAILABLE rpc.system.name=grpc"},
      {"an RPC client, which speaks HTTP too",
       SpanKind::kClient,
       {{"http.request.method", text("POST")},
        {"rpc.system.name", text("grpc")},
        {"rpc.method", text("pkg.Shop/Buy")},
        {"rpc.response.status_code", text("OK")},
        {"server.address", text("shop")},
        {"server.port", std::int64_t{50051}}},
       "rpc.client.call.duration",
       "rpc.method=pkg.Shop/Buy rpc.response.status_code=OK rpc.system.name=grpc server.address=shop "
       "server.port=50051"},
      {"a database, over HTTP",
       SpanKind::kClient,
       {{"db.system.name", text("elasticsearch")},
        {"db.namespace", text("cluster")},
        {"db.collection.name", text("books")},
        {"db.operation.name", text("search")},
        {"db.query.text", text("{\"match\": ?}")},
        {"db.query.summary", text("search books")},
        {"db.stored_procedure.name", text("p")},
        {"db.response.status_code", text("404")},
        {"http.request.method", text("GET")},
        {"error.type", text("404")},
        {"server.address", text("es")},
        {"server.port", std::int64_t{9200}}},
       "db.client.operation.duration",
       "db.collection.name=books db.namespace=cluster db.operation.name=search db.query.summary=search books "
       "db.response.status_code=404 db.stored_procedure.name=p db.system.name=elasticsearch error.type=404 "
       "server.address=es server.port=9200",
       kDatabaseBounds},
      {"a message that is sent",
       SpanKind::kProducer,
       {{"messaging.system", text("kafka")},
        {"messaging.operation.name", text("send")},
        {"messaging.operation.type", text("send")},
        {"messaging.destination.name", text("orders")},
        {"messaging.destination.partition.id", text("4")},
        {"messaging.message.id", text("1")},
        {"server.address", text("k")},
        {"server.port", std::int64_t{9092}}},
       "messaging.client.operation.duration",
       "messaging.destination.name=orders messaging.operation.name=send messaging.operation.type=send "
       "messaging.system=kafka server.address=k server.port=9092"},
      {"a message that is processed",
       SpanKind::kConsumer,
       {{"messaging.system", text("kafka")},
        {"messaging.operation.name", text("handle")},
        {"messaging.operation.type", text("process")},
        {"messaging.destination.name", text("orders")},
        {"messaging.consumer.group.name", text("g")}},
       "messaging.process.duration",
       "messaging.consumer.group.name=g messaging.destination.name=orders messaging.operation.name=handle "
       "messaging.system=kafka"},
      {"a message that is received",
       SpanKind::kConsumer,
       {{"messaging.system", text("kafka")},
        {"messaging.operation.name", text("poll")},
        {"messaging.operation.type", text("receive")}},
       "messaging.client.operation.duration",
       "messaging.operation.name=poll messaging.operation.type=receive messaging.system=kafka"},
      {"a DNS lookup",
       SpanKind::kClient,
       {{"dns.question.name", text("a.example")}, {"dns.answers", std::vector<std::string>{"10.0.0.1"}}},
       "dns.lookup.duration",
       "dns.question.name=a.example"},
      {"a server's database span", SpanKind::kServer, {{"db.system.name", text("redis")}}, "", ""},
      {"something inside a process", SpanKind::kInternal, http_server(), "", ""},
      {"a span without attributes", SpanKind::kServer, {}, "", ""},
  };
}

TEST(SpanMetrics, HaveTheConventionsNamesAttributesAndBounds) {
  for (const Case& one : cases()) {
    SCOPED_TRACE(one.what);
    MetricRegistry own;
    const auto metrics = made(own);
    metrics->observe(std::vector{span_of(one.kind, one.attributes, 20ms)}, kNow);
    const std::vector<Metric> collected = metrics->collect({1}, {kNow.ns + 5});
    if (*one.metric == '\0') {
      EXPECT_TRUE(collected.empty());
      continue;
    }
    ASSERT_EQ(collected.size(), 1U) << "a span is in one metric";
    const Metric& metric = collected[0];
    EXPECT_EQ(metric.name, one.metric);
    EXPECT_EQ(metric.unit, "s");
    EXPECT_FALSE(metric.description.empty());
    EXPECT_EQ(std::get<std::string>(metric.resource->attributes.at(0).value), "shop");
    const auto& data = std::get<HistogramData>(metric.data);
    EXPECT_EQ(data.temporality, Temporality::kCumulative);
    EXPECT_EQ(data.bounds, one.bounds);
    ASSERT_EQ(data.points.size(), 1U);
    const HistogramPoint& point = data.points[0];
    EXPECT_EQ(attributes_text(point.attributes), one.expected);
    EXPECT_EQ(point.count, 1U);
    EXPECT_DOUBLE_EQ(*point.sum, 0.02);
    EXPECT_EQ(point.start, kNow);
    EXPECT_EQ(point.time.ns, kNow.ns + 5);
    const auto bucket = static_cast<std::size_t>(std::ranges::lower_bound(one.bounds, 0.02) - one.bounds.begin());
    ASSERT_EQ(point.bucket_counts.size(), one.bounds.size() + 1);
    EXPECT_EQ(point.bucket_counts[bucket], 1U);
  }
}

TEST(SpanMetrics, TheTablesKeysAndNamesAreDistinctAndItsBoundsAscend) {
  std::set<std::string_view> names;
  for (const SpanMetricRow& row : span_metric_rows()) {
    EXPECT_TRUE(names.insert(row.metric).second) << row.metric;
    const std::set<std::string_view> keys(row.attributes.begin(), row.attributes.end());
    EXPECT_EQ(keys.size(), row.attributes.size()) << row.metric;
    EXPECT_TRUE(std::ranges::is_sorted(row.bounds)) << row.metric;
    EXPECT_NE(row.kinds, 0) << row.metric;
  }
}

TEST(SpanMetrics, ADurationIsNeverNegative) {
  MetricRegistry own;
  const auto metrics = made(own);
  metrics->observe(
      std::vector{span_of(SpanKind::kServer, http_server(), -1s), span_of(SpanKind::kServer, http_server(), 0s)}, kNow);
  const auto points = points_of<HistogramData>(metrics->collect({1}, kNow), "http.server.request.duration");
  ASSERT_EQ(points.size(), 1U);
  EXPECT_EQ(points[0].count, 2U);
  EXPECT_EQ(*points[0].sum, 0.0);
  EXPECT_EQ(*points[0].min, 0.0);
}

TEST(SpanMetrics, AnAttributeOfAnotherTypeIsTakenAsItIsAndAListIsLeftOut) {
  MetricRegistry own;
  const auto metrics = made(own);
  metrics->observe(std::vector{span_of(SpanKind::kServer, {{"http.request.method", std::int64_t{3}},
                                                           {"http.route", std::vector<std::string>{"/a"}}})},
                   kNow);
  const auto points = points_of<HistogramData>(metrics->collect({1}, kNow), "http.server.request.duration");
  ASSERT_EQ(points.size(), 1U);
  EXPECT_EQ(attributes_text(points[0].attributes), "http.request.method=3");
}

// Whatever a text is copied from, it is cleaned before a series has it; also where the series is there already.
TEST(SpanMetrics, TextsAreCleanedBeforeASeriesHasThem) {
  MetricRegistry own;
  int cleaned = 0;
  const auto metrics = made(own, {.clean = [&](std::string& text) {
                              ++cleaned;
                              if (const auto at = text.find("secret"); at != std::string::npos) {
                                text.replace(at, std::string::npos, "[redacted]");
                              }
                            }});
  const auto with_route = [](const char* route, const char* error) {
    return span_of(SpanKind::kServer, {{"http.request.method", std::string("GET")},
                                       {"http.route", std::string(route)},
                                       {"error.type", std::string(error)}});
  };
  metrics->observe(std::vector{with_route("/secret1", "no"), with_route("/secret22", "no"), with_route("/", "secret3")},
                   kNow);
  const int texts = cleaned;
  EXPECT_EQ(texts, 9) << "all texts of what no series had";
  metrics->observe(std::vector{with_route("/[redacted]", "no"), with_route("/", "[redacted]")}, kNow);
  EXPECT_EQ(cleaned, texts) << "a series that is there costs nothing";
  const auto points = points_of<HistogramData>(metrics->collect({1}, kNow), "http.server.request.duration");
  std::set<std::string> attributes;
  std::uint64_t count = 0;
  for (const HistogramPoint& point : points) {
    attributes.insert(attributes_text(point.attributes));
    count += point.count;
  }
  EXPECT_EQ(attributes, (std::set<std::string>{"error.type=[redacted] http.request.method=GET http.route=/",
                                               "error.type=no http.request.method=GET http.route=/[redacted]"}));
  EXPECT_EQ(points.size(), 2U);
  EXPECT_EQ(count, 5U);
}

TEST(SpanMetrics, ExemplarsAreOfConfirmedSpansOnly) {
  for (const HistogramKind kind : {HistogramKind::kExplicit, HistogramKind::kExponential}) {
    MetricRegistry own;
    const auto metrics = made(own, {}, kind);
    std::vector<Span> spans;
    for (std::uint64_t i = 1; i <= 3; ++i) {
      spans.push_back(span_of(SpanKind::kServer, http_server(), std::chrono::milliseconds(1) * (1 << (4 * i))));
      spans.back().span_id = numbered<SpanId>(i);
      spans.back().trace_id = numbered<TraceId>(100 + i);
    }
    metrics->observe(spans, kNow);
    metrics->confirm(std::vector{spans[1]});
    metrics->forget_candidates();
    metrics->confirm(std::vector{spans[0], spans[2]});  // too late: they were said not to be sent
    const std::vector<Metric> collected = metrics->collect({1}, {kNow.ns + 1});
    ASSERT_EQ(collected.size(), 1U);
    std::visit(
        [&](const auto& data) {
          ASSERT_EQ(data.points.size(), 1U);
          const std::vector<Exemplar>& exemplars = data.points[0].exemplars;
          ASSERT_EQ(exemplars.size(), 1U);
          EXPECT_EQ(exemplars[0].span_id, numbered<SpanId>(2));
          EXPECT_EQ(exemplars[0].trace_id, numbered<TraceId>(102));
          EXPECT_DOUBLE_EQ(std::get<double>(exemplars[0].value), 0.256);
          EXPECT_EQ(exemplars[0].time, kNow);
        },
        collected[0].data);
  }
}

TEST(ExemplarCandidates, AreBoundedAndTheOldestGo) {
  ExemplarCandidates candidates(10);
  const auto reservoir = std::make_shared<ExemplarReservoir>();
  for (std::uint64_t i = 0; i < 1000; ++i) {
    candidates.add(numbered<SpanId>(i), {reservoir, 0, {static_cast<std::int32_t>(i), 1.0, {i}}});
    EXPECT_LE(candidates.size(), 20U);
  }
  candidates.confirm(numbered<TraceId>(1), numbered<SpanId>(1));
  EXPECT_TRUE(reservoir->take().empty()) << "forgotten";
  for (std::uint64_t i = 990; i < 1000; ++i) candidates.confirm(numbered<TraceId>(1), numbered<SpanId>(i));
  EXPECT_EQ(reservoir->take().size(), ExemplarReservoir::kMost);
  candidates.clear();
  EXPECT_EQ(candidates.size(), 0U);
}

TEST(KeyIndex, FindsWhatWasAddedAndNothingElse) {
  KeyIndex index;
  std::vector<std::string> keys;
  keys.reserve(KeyIndex::kMost);
  for (int i = 0; i < 64; ++i) keys.push_back("http.key." + std::to_string(i * 7919));
  for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(index.add(keys[i]), i);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(index.find(keys[i]), i);
    EXPECT_EQ(index.find(keys[i] + "x"), KeyIndex::kMost);
  }
  EXPECT_EQ(index.add(keys[5]), 5U);
  EXPECT_EQ(index.add("one too many"), KeyIndex::kMost);
  EXPECT_EQ(index.find(""), KeyIndex::kMost);
}

}  // namespace
}  // namespace telegen
