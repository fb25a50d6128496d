// Metrics, log records and profiles for tests and benchmarks. The golden ones are those of
// tests/golden/export/make_signals_golden.py, field by field.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "model/log_record.h"
#include "model/metric.h"
#include "model/profile.h"
#include "sample_spans.h"

namespace telegen::testing {

inline ResourcePtr shop_resource() {
  return std::make_shared<const Resource>(Resource{{{"service.name", std::string("checkout")}}});
}
inline OwnedAttributes route_attributes() {
  return {{"http.route", std::string("/cart/{id}")}, {"code", std::int64_t{200}}};
}

inline Point full_point() {
  return {.attributes = std::make_shared<const AttributeSet>(route_attributes()),
          .start = {100},
          .time = {200},
          .exemplars = {{.time = {150},
                         .value = 0.5,
                         .trace_id = sequence<TraceId>(0x10),
                         .span_id = sequence<SpanId>(0xa0),
                         .filtered_attributes = {{"user", std::string("é")}}},
                        {.time = {151}, .value = std::int64_t{-7}}}};
}
inline Point bare_point(bool no_value = false) {
  return {.start = {100}, .time = {200}, .no_recorded_value = no_value};
}

inline std::vector<Metric> golden_metrics() {
  const ResourcePtr resource = shop_resource();
  Point level = full_point();
  level.start = {};
  level.exemplars.clear();
  GaugeData gauge{{{level, std::int64_t{-3}}, {Point{.time = {200}}, 0.0}}};
  SumData requests{Temporality::kDelta, true, {{full_point(), std::int64_t{1} << 40}, {bare_point(true), 1.0}}};
  SumData balance{Temporality::kCumulative, false, {{bare_point(), -1.5}}};
  HistogramData duration{Temporality::kCumulative, {0.5, 5}, {}};
  duration.points.push_back({full_point(), 6, 12.5, 0.25, 9, {1, 2, 3}});
  duration.points.push_back({bare_point(true), 0, {}, {}, {}, {}});
  ExponentialHistogramData size{Temporality::kDelta, {}};
  size.points.push_back({full_point(), 9, 2, 0.0, -4, 8, -2, 0.001, {-5, {1, 0, 300}}, {0, {4}}});
  size.points.push_back({Point{.time = {200}}});
  return {{"queue.size", "waiting", "{item}", gauge, 0, resource},
          {"duration", "how long", "s", duration, 0, nullptr},
          {"requests", "", "1", requests, 0, resource},
          {"size", "", "By", size, 0, nullptr},
          {"balance", "", "", balance, 0, resource}};
}

inline std::vector<LogRecord> golden_logs() {
  const ResourcePtr resource = shop_resource();
  std::vector<LogRecord> records(4);
  records[0] = {.time = {100},
                .observed_time = {200},
                .severity = Severity::kError,
                .severity_text = "ERROR",
                .event_name = "device.crash",
                .body = std::string("card refused: é"),
                .attributes = route_attributes(),
                .dropped_attributes = 300,
                .trace_flags = 1,
                .trace_id = sequence<TraceId>(0x10),
                .span_id = sequence<SpanId>(0xa0),
                .resource = resource};
  records[1] = {.observed_time = {202}, .body = std::string()};
  records[2] = {.observed_time = {201}, .body = std::vector<std::string>{"x"}, .resource = resource};
  records[3] = {.observed_time = {203}, .severity = Severity::kTrace};
  return records;
}

// Holds more than the profiles need, in another order than they need it.
inline ProfileDictionaryPtr golden_dictionary() {
  ProfileDictionary d;
  d.strings = {"",         "unused",  "main",  "shop.cc",     "_Zhandle",     "handle",    "/bin/shop",
               "build_id", "samples", "count", "nanoseconds", "profile.kind", "thread.id", "cpu"};
  d.attributes.push_back({7, std::string("abc"), 0});
  d.attributes.push_back({1, std::string("unused"), 1});
  d.attributes.push_back({12, std::int64_t{42}, 9});
  d.attributes.push_back({11, std::string("on-cpu"), 0});
  d.mappings.push_back({1, 2, 3, 1, {2}});
  d.mappings.push_back({0x400000, 0x500000, 4096, 6, {1}});
  d.functions.push_back({2, 0, 0, 0});
  d.functions.push_back({5, 4, 3, 7});
  d.locations.push_back({2, 0x400020, {}, {}});
  d.locations.push_back({2, 0x400010, {{2, 9, 3}, {1, 0, 0}}, {1}});
  d.stacks.push_back({{1}});
  d.stacks.push_back({{1, 1, 1}});
  d.stacks.push_back({{2, 1}});
  d.links.push_back({sequence<TraceId>(9), sequence<SpanId>(9)});
  d.links.push_back({sequence<TraceId>(0x10), sequence<SpanId>(0xa0)});
  return std::make_shared<const ProfileDictionary>(std::move(d));
}

inline std::vector<Profile> golden_profiles() {
  const ProfileDictionaryPtr dictionary = golden_dictionary();
  std::vector<Profile> profiles(2);
  profiles[0] = {.sample_type = {8, 9},
                 .period_type = {13, 10},
                 .period = 10101010,
                 .time = {100},
                 .duration = std::chrono::seconds(10),
                 .samples = {{3, 2, {3}, {1, -1}, {{110}, {120}}}, {1, 0, {}, {300}, {}}},
                 .attributes = {4},
                 .dropped_attributes = 2,
                 .dictionary = dictionary,
                 .resource = shop_resource()};
  for (std::size_t i = 0; i < profiles[0].id.size(); ++i) profiles[0].id[i] = static_cast<std::uint8_t>(1 + i);
  profiles[1] = {
      .sample_type = {8, 9}, .time = {100}, .samples = {{1, 0, {}, {}, {{130}}}, {}}, .dictionary = dictionary};
  return profiles;
}

}  // namespace telegen::testing
