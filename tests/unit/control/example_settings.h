// A declaration with every kind of key, so the visitors are tested apart from what Telegen happens to configure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/settings.h"

namespace telegen::test {

struct Rule {
  std::string exe_path;
  std::vector<std::string> pids;
  std::int64_t weight = 1;
  bool operator==(const Rule&) const = default;
};

struct Example {
  bool enabled = true;
  std::int64_t batch_size = 512;
  std::int64_t unbounded = 0;
  double ratio = 0.5;
  std::string endpoint = "localhost:4317";
  std::string protocol = "grpc";
  std::string password;
  ByteSize limit{16U << 20};
  Duration timeout = std::chrono::seconds(10);
  std::vector<std::string> languages;
  std::map<std::string, std::string> headers;
  std::vector<Rule> instrument;
  bool operator==(const Example&) const = default;
};

inline void describe(SettingsVisitor& v, Rule& r) {
  v.field("exe_path", r.exe_path, "A glob.");
  v.field("pids", r.pids, "Numbers.");
  v.field("weight", r.weight, "A weight.", {.min = 1, .max = 9});
}

inline void describe(SettingsVisitor& v, Example& s) {
  v.section("otlp", "Sending.", [&](SettingsVisitor& o) {
    o.field("enabled", s.enabled, "On.");
    o.field("endpoint", s.endpoint, "Where to.");
    o.field("protocol", s.protocol, "How.", {.choices = {"grpc", "http"}});
    o.field("timeout", s.timeout, "How long.", {.min = 0.001, .max = 3600});
    o.field("headers", s.headers, "Added.", {.secret = true});
    o.section("traces", "Spans.", [&](SettingsVisitor& t) {
      t.field("batch_size", s.batch_size, "Spans a request.", {.min = 1, .max = 65535});
      t.field("ratio", s.ratio, "Kept.", {.min = 0, .max = 1});
      t.field("unbounded", s.unbounded, "Any.");
    });
    o.section("auth", "Who.", [&](SettingsVisitor& a) { a.field("password", s.password, "Word.", {.secret = true}); });
  });
  v.section("queue", "Holding.",
            [&](SettingsVisitor& q) { q.field("limit", s.limit, "Bytes.", {.min = 4096, .max = 1U << 30}); });
  v.section("discovery", "Finding.", [&](SettingsVisitor& d) {
    d.field("languages", s.languages, "Of these.", {.choices = {"go", "java", "python"}});
    d.list("instrument", "What.",
           {.size = [&] { return s.instrument.size(); },
            .resize = [&](std::size_t n) { s.instrument.resize(n); },
            .entry = [&](std::size_t i, SettingsVisitor& e) { describe(e, s.instrument[i]); }});
  });
}

inline SettingsVisitor::Body declaration(Example& example) {
  return [&example](SettingsVisitor& visitor) { describe(visitor, example); };
}

}  // namespace telegen::test
