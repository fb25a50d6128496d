// The metrics of spans on their way to a receiver, with a clock and a receiver that the test holds in its hands.
#include "span_metrics_sender.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "export/otlp/metrics.h"
#include "fake_receiver.h"
#include "item_requests.h"
#include "version.h"

namespace telegen::app {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{1'000'000'000'000};
constexpr UnixTime kWall{1'700'000'000'000'000'000};

struct Rig {
  Rig() {
    settings.otlp.metrics.interval = 10s;
    delivery = delivery_to(receiver, Signal::kMetrics, {Signal::kMetrics}, segments, metrics, now);
    sender = std::make_unique<SpanMetricsSender>(*delivery, metrics, Random(1));
    take(settings);
  }

  // What the pipeline does with settings.
  void take(const Settings& next) {
    auto made = sender->next(next, true);
    ASSERT_TRUE(made);
    in_use = *made;
    sender->use(*std::move(made), next, {now.load()}, wall());
  }
  UnixTime wall() const { return {kWall.ns + (now.load() - kStart.ns)}; }
  void at(Duration since_start) { now = (kStart + since_start).ns; }
  void tick(Duration since_start) {
    at(since_start);
    sender->tick({now.load()}, wall());
    EXPECT_TRUE(delivery->flush(5s));
  }
  void serve(const std::string& route, Duration took = 20ms) const {
    Span span;
    span.kind = SpanKind::kServer;
    span.start = kWall;
    span.end = {kWall.ns + static_cast<std::uint64_t>(took.count())};
    span.attributes = {{"http.request.method", std::string("GET")}, {"http.route", route}};
    span.resource = resource;
    in_use->observe(std::vector{span}, wall());
  }
  // A request with one point of this route: `count` requests of 20 ms in the time from `start` to `end`.
  std::string point(const std::string& route, std::uint64_t count, Duration start, Duration end,
                    Temporality temporality = Temporality::kCumulative) const {
    HistogramPoint point;
    point.attributes = std::make_shared<const AttributeSet>(
        OwnedAttributes{{"http.request.method", std::string("GET")}, {"http.route", route}});
    point.start = {kWall.ns + static_cast<std::uint64_t>(start.count())};
    point.time = {kWall.ns + static_cast<std::uint64_t>(end.count())};
    point.count = count;
    double sum = 0;
    for (std::uint64_t i = 0; i < count; ++i) sum += 0.02;
    point.sum = sum;
    point.min = point.max = 0.02;
    point.bucket_counts.assign(15, 0);
    point.bucket_counts[2] = count;
    HistogramData data{.temporality = temporality,
                       .bounds = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10},
                       .points = {point}};
    const Metric metric{.name = "http.server.request.duration",
                        .description = "Duration of HTTP server requests.",
                        .unit = "s",
                        .data = data,
                        .resource = resource};
    return otlp::encode_metrics_prefix(std::span(&metric, 1), {.version = kVersion}, otlp::kMaxRequestBytes).body;
  }
  std::vector<std::string> requests() {
    EXPECT_TRUE(delivery->flush(5s));
    const std::scoped_lock lock(receiver.mutex);
    return receiver.requests;
  }

  Settings settings;
  ResourcePtr resource = std::make_shared<const Resource>(Resource{{{"service.name", std::string("shop")}}});
  OwnMemory segments;
  MetricRegistry metrics;
  std::atomic<std::uint64_t> now = kStart.ns;
  Receiver receiver;
  std::unique_ptr<Delivery> delivery;
  std::unique_ptr<SpanMetricsSender> sender;
  std::shared_ptr<SpanMetrics> in_use;
};

using Requests = std::vector<std::string>;

TEST(SpanMetricsSender, SendsEveryIntervalAndCountsPoints) {
  Rig rig;
  rig.serve("/a");
  rig.tick(1s);
  const Requests first = {rig.point("/a", 1, 0s, 1s)};
  EXPECT_EQ(rig.requests(), first);
  rig.serve("/a");
  rig.tick(10s);
  EXPECT_EQ(rig.requests(), first) << "it is not time yet";
  rig.tick(11s);
  EXPECT_EQ(rig.requests(), (Requests{first[0], rig.point("/a", 2, 0s, 11s)})) << "cumulative: since the same start";
  const Accounting account = rig.delivery->accounts(Signal::kMetrics).pipeline;
  EXPECT_EQ(account.received, 2U);
  EXPECT_EQ(account.exported, 2U);
  EXPECT_TRUE(account.balanced());
}

TEST(SpanMetricsSender, DeltaCoversTheTimeSinceTheLastPoint) {
  Rig rig;
  rig.settings.otlp.metrics.temporality = "delta";
  rig.take(rig.settings);
  rig.serve("/a");
  rig.tick(1s);
  rig.tick(11s);  // nothing came: no point
  rig.serve("/a");
  rig.tick(21s);
  EXPECT_EQ(rig.requests(), (Requests{rig.point("/a", 1, 0s, 1s, Temporality::kDelta),
                                      rig.point("/a", 1, 1s, 21s, Temporality::kDelta)}));
}

TEST(SpanMetricsSender, SendsWhatThereIsWhenItIsAsked) {
  Rig rig;
  rig.tick(0s);
  rig.serve("/a");
  rig.at(2s);
  rig.sender->send({rig.now.load()}, rig.wall());
  EXPECT_EQ(rig.requests(), Requests{rig.point("/a", 1, 0s, 2s)});
}

TEST(SpanMetricsSender, SeriesGoOnWhereNothingOfThemChanges) {
  Rig rig;
  rig.serve("/a");
  const auto before = rig.in_use;
  rig.settings.otlp.metrics.interval = 1s;
  rig.settings.otlp.traces.sampler = "always_off";
  rig.take(rig.settings);
  EXPECT_EQ(rig.in_use, before);
  EXPECT_TRUE(rig.requests().empty());
  rig.serve("/a");
  rig.tick(1s);
  rig.tick(2s);
  EXPECT_EQ(rig.requests(), (Requests{rig.point("/a", 2, 0s, 1s), rig.point("/a", 2, 0s, 2s)})) << "the new interval";
}

// Each of these makes series that cannot go on as they were; what they held is sent first.
TEST(SpanMetricsSender, SeriesStartAnewWhereTheyChangeAndNothingIsLost) {
  const std::vector<std::pair<const char*, void (*)(Settings&)>> changes = {
      {"temporality", [](Settings& s) { s.otlp.metrics.temporality = "delta"; }},
      {"histogram", [](Settings& s) { s.otlp.metrics.histogram = "exponential"; }},
      {"series", [](Settings& s) { s.span_metrics.max_series = 5; }},
      {"redaction", [](Settings& s) { s.pipeline.redaction.emails = true; }},
      {"length", [](Settings& s) { s.pipeline.limits.value_length = 16; }},
  };
  for (const auto& [what, change] : changes) {
    SCOPED_TRACE(what);
    Rig rig;
    rig.serve("/a");
    rig.at(3s);
    const auto before = rig.in_use;
    change(rig.settings);
    rig.take(rig.settings);
    EXPECT_NE(rig.in_use, before);
    EXPECT_EQ(rig.requests(), Requests{rig.point("/a", 1, 0s, 3s)});
    rig.serve("/a");
    rig.tick(4s);
    ASSERT_EQ(rig.requests().size(), 2U);
    if (std::string_view(what) != "histogram") {
      const bool delta = std::string_view(what) == "temporality";
      EXPECT_EQ(rig.requests()[1], rig.point("/a", 1, 3s, 4s, delta ? Temporality::kDelta : Temporality::kCumulative));
    }
  }
}

TEST(SpanMetricsSender, MakesNoneWhereNobodyWantsThem) {
  Rig rig;
  rig.serve("/a");
  EXPECT_EQ(*rig.sender->next(rig.settings, false), nullptr);
  rig.settings.span_metrics.enabled = false;
  auto none = rig.sender->next(rig.settings, true);
  ASSERT_TRUE(none);
  EXPECT_EQ(*none, nullptr);
  rig.at(1s);
  rig.sender->use(nullptr, rig.settings, {rig.now.load()}, rig.wall());
  EXPECT_EQ(rig.requests(), Requests{rig.point("/a", 1, 0s, 1s)}) << "what was counted until then is sent";
  rig.tick(100s);
  rig.sender->send({rig.now.load()}, rig.wall());
  EXPECT_EQ(rig.requests().size(), 1U);
}

TEST(SpanMetricsSender, TextsAreRedactedAndCutAsThoseOfSpansAre) {
  Rig rig;
  rig.settings.pipeline.redaction.emails = true;
  rig.settings.pipeline.limits.value_length = 30;
  rig.take(rig.settings);
  rig.serve("/reset?token=abcdef123456");
  rig.serve("/users/someone@example.com");
  rig.serve("/a-route-that-is-longer-than-thirty-bytes");
  rig.tick(1s);
  std::string sent;
  for (const std::string& request : rig.requests()) sent += request;
  for (const char* secret : {"abcdef", "someone", "than-thirty"}) EXPECT_EQ(sent.find(secret), std::string::npos);
  for (const char* kept : {"/reset?token=[redacted]", "/users/[redacted]", "/a-route-that-is-longer"}) {
    EXPECT_NE(sent.find(kept), std::string::npos) << kept;
  }
}

TEST(SpanMetricsSender, AReceiverThatTakesNoneIsOfferedThemSeldom) {
  Rig rig;
  configure_logging(LogLevel::kInfo, "text", "test");
  rig.receiver.answer = Permanent{"send to h:1: UNIMPLEMENTED"};
  ::testing::internal::CaptureStderr();
  rig.serve("/a");
  for (int second = 0; second < 1700; ++second) rig.tick(std::chrono::seconds(second));
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("the receiver takes no metrics"), std::string::npos) << said;
  EXPECT_GE(rig.requests().size(), 2U);
  EXPECT_LE(rig.requests().size(), 4U);
  const auto account = rig.delivery->accounts(Signal::kMetrics);
  EXPECT_TRUE(account.pipeline.balanced());
  EXPECT_EQ(account.destinations.at(0).account.dropped_by(DropCause::kRefused), rig.requests().size());
}

// Requests are split between metrics, each of which has at most 200 points.
TEST(SpanMetricsSender, ManySeriesGoInSeveralRequests) {
  Rig rig;
  rig.settings.otlp.metrics.batch_size = 2;
  rig.take(rig.settings);
  for (int i = 0; i < 1000; ++i) rig.serve("/" + std::to_string(i));
  rig.tick(1s);
  EXPECT_EQ(rig.requests().size(), 3U) << "five metrics of 200 points";
  EXPECT_EQ(rig.delivery->accounts(Signal::kMetrics).pipeline.received, 1000U);
  EXPECT_EQ(rig.delivery->accounts(Signal::kMetrics).destinations.at(0).account.exported, 1000U);
}

}  // namespace
}  // namespace telegen::app
