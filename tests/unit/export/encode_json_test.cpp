// OTLP/JSON against what the official library makes of the same messages.
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "export/otlp/json.h"
#include "golden.h"
#include "sample_signals.h"

namespace telegen {
namespace {

using nlohmann::json;

const otlp::Scope kScope{"telegen", "1.2.3"};

// Defaults may be written or left out in JSON: neither changes the meaning.
void drop_defaults(json& tree) {
  if (tree.is_array()) {
    for (json& item : tree) drop_defaults(item);
  }
  if (!tree.is_object()) return;
  const bool is_value = tree.size() == 1 && tree.begin().key().ends_with("Value");
  for (auto it = tree.begin(); it != tree.end();) {
    drop_defaults(*it);
    const bool empty = it->is_null() || *it == "0" || (it->is_structured() && it->empty()) ||
                       (it->is_string() && it->get_ref<const std::string&>().empty());
    it = empty && !is_value ? tree.erase(it) : std::next(it);
  }
}

void expect_golden(const std::string& text, const std::string& name) {
  json expected = json::parse(testing::golden(name));
  EXPECT_EQ(text.find('\n'), std::string::npos) << "a request is a line";
  json actual = json::parse(text);
  drop_defaults(expected);
  drop_defaults(actual);
  EXPECT_EQ(actual, expected) << json::diff(expected, actual).dump(1);
}

TEST(EncodeJson, SaysTheSameAsTheOfficialLibrary) {
  expect_golden(otlp::encode_traces_json(testing::golden_spans(), kScope), "traces.json");
  expect_golden(otlp::encode_metrics_json(testing::golden_metrics(), kScope), "metrics.json");
  expect_golden(otlp::encode_logs_json(testing::golden_logs(), kScope), "logs.json");
}

TEST(EncodeJson, NothingGivesAnEmptyRequest) {
  EXPECT_EQ(otlp::encode_traces_json({}, kScope), R"({"resourceSpans":[]})");
  EXPECT_EQ(otlp::encode_metrics_json({}, kScope), R"({"resourceMetrics":[]})");
  EXPECT_EQ(otlp::encode_logs_json({}, kScope), R"({"resourceLogs":[]})");
}

TEST(EncodeJson, HostileTextBecomesValid) {
  constexpr const char* kHostile = "a\xff\"\\\x01\n";
  const std::string clean = "a\xef\xbf\xbd\"\\\x01\n";
  std::vector<LogRecord> records(1);
  records[0].severity_text = records[0].event_name = kHostile;
  records[0].body = std::string(kHostile);
  records[0].attributes = {{kHostile, std::vector<std::string>{kHostile}}};
  const json record =
      json::parse(otlp::encode_logs_json(records, kScope))["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
  EXPECT_EQ(record["severityText"], clean);
  EXPECT_EQ(record["eventName"], clean);
  EXPECT_EQ(record["body"]["stringValue"], clean);
  EXPECT_EQ(record["attributes"][0]["key"], clean);
  EXPECT_EQ(record["attributes"][0]["value"]["arrayValue"]["values"][0]["stringValue"], clean);

  Point point;
  point.attributes = std::make_shared<const AttributeSet>(OwnedAttributes{{kHostile, std::string(kHostile)}});
  const std::vector<Metric> metrics = {{kHostile, kHostile, kHostile, GaugeData{{{point, 1.0}}}}};
  const json metric =
      json::parse(otlp::encode_metrics_json(metrics, kScope))["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0];
  for (const char* field : {"name", "description", "unit"}) EXPECT_EQ(metric[field], clean);
  const json& attribute = metric["gauge"]["dataPoints"][0]["attributes"][0];
  EXPECT_EQ(attribute["key"], clean);
  EXPECT_EQ(attribute["value"]["stringValue"], clean);
}

// JSON has no such numbers, and its readers keep 53 bits of an integer.
TEST(EncodeJson, NumbersThatJsonLacksAreTexts) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  GaugeData gauge;
  for (const double value : {std::numeric_limits<double>::quiet_NaN(), kInfinity, -kInfinity, 0.1}) {
    gauge.points.push_back({Point{}, value});
  }
  gauge.points.push_back({Point{}, std::numeric_limits<std::int64_t>::min()});
  HistogramPoint counted;
  counted.count = kMost;
  counted.sum = kInfinity;
  counted.bucket_counts = {kMost, 0};
  const std::vector<Metric> metrics = {{"g", "", "", gauge}, {"h", "", "", HistogramData{{}, {-kInfinity}, {counted}}}};
  const json tree =
      json::parse(otlp::encode_metrics_json(metrics, kScope))["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
  const json& points = tree[0]["gauge"]["dataPoints"];
  EXPECT_EQ(points[0]["asDouble"], "NaN");
  EXPECT_EQ(points[1]["asDouble"], "Infinity");
  EXPECT_EQ(points[2]["asDouble"], "-Infinity");
  EXPECT_EQ(points[3]["asDouble"], 0.1);
  EXPECT_EQ(points[4]["asInt"], "-9223372036854775808");
  const json& point = tree[1]["histogram"]["dataPoints"][0];
  EXPECT_EQ(point["count"], "18446744073709551615");
  EXPECT_EQ(point["sum"], "Infinity");
  EXPECT_EQ(point["bucketCounts"], json({"18446744073709551615", "0"}));
  EXPECT_EQ(point["explicitBounds"], json({"-Infinity"}));
}

}  // namespace
}  // namespace telegen
