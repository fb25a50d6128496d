#include "export/settings.h"

#include <gtest/gtest.h>

#include "delivery/settings.h"

namespace telegen {
namespace {

// The declared keys with their defaults, as the contract lists them.
class Recorder final : public SettingsVisitor {
 public:
  std::vector<std::string> keys;
  std::vector<std::string> secrets;

  void section(std::string_view key, std::string_view doc, const Body& body) override {
    EXPECT_TRUE(doc.ends_with('.')) << key;
    const std::string before = prefix_;
    prefix_ += std::string(key) + ".";
    body(*this);
    prefix_ = before;
  }
  void list(std::string_view key, std::string_view doc, const List& list) override {
    EXPECT_TRUE(doc.ends_with('.')) << key;
    const std::string before = prefix_;
    prefix_ += std::string(key) + ".";
    for (std::size_t i = 0; i < list.size(); ++i) list.entry(i, *this);
    prefix_ = before;
  }
  void field(std::string_view key, bool& v, std::string_view doc) override { note(key, v ? "true" : "false", doc, {}); }
  void field(std::string_view key, std::int64_t& v, std::string_view doc, const FieldRules& rules) override {
    within(key, static_cast<double>(v), rules);
    note(key, std::to_string(v), doc, rules);
  }
  void field(std::string_view key, double& v, std::string_view doc, const FieldRules& rules) override {
    within(key, v, rules);
    note(key, std::to_string(v).substr(0, 3), doc, rules);
  }
  void field(std::string_view key, std::string& v, std::string_view doc, const FieldRules& rules) override {
    bool known = rules.choices.empty();
    for (const auto choice : rules.choices) known = known || choice == v;
    EXPECT_TRUE(known) << key;
    note(key, v, doc, rules);
  }
  void field(std::string_view key, ByteSize& v, std::string_view doc, const FieldRules& rules) override {
    within(key, static_cast<double>(v.bytes), rules);
    note(key, std::to_string(v.bytes >> 20) + "Mi", doc, rules);
  }
  void field(std::string_view key, Duration& v, std::string_view doc, const FieldRules& rules) override {
    within(key, std::chrono::duration<double>(v).count(), rules);
    note(key, std::to_string(v.count() / 1'000'000) + "ms", doc, rules);
  }
  void field(std::string_view key, std::vector<std::string>&, std::string_view doc, const FieldRules& rules) override {
    note(key, "[]", doc, rules);
  }
  void field(std::string_view key, std::map<std::string, std::string>& v, std::string_view doc,
             const FieldRules& rules) override {
    note(key, v.empty() ? "{}" : "?", doc, rules);
  }

 private:
  void within(std::string_view key, double value, const FieldRules& rules) {
    if (rules.max == rules.min) return;
    EXPECT_GE(value, rules.min) << key;
    EXPECT_LE(value, rules.max) << key;
  }
  void note(std::string_view key, const std::string& value, std::string_view doc, const FieldRules& rules) {
    EXPECT_TRUE(doc.ends_with('.') || doc.ends_with(").")) << key;
    keys.push_back(prefix_ + std::string(key) + "=" + value);
    if (rules.secret) secrets.push_back(prefix_ + std::string(key));
  }
  std::string prefix_;
};

using Keys = std::vector<std::string>;

TEST(Settings, AreTheContractsKeysWithItsDefaults) {
  Recorder otlp;
  OtlpSettings otlp_settings;
  otlp_settings.destinations.resize(1);
  describe(otlp, otlp_settings);
  const Keys wire = {"endpoint=",
                     "failover=[]",
                     "protocol=grpc",
                     "compression=gzip",
                     "timeout=10000ms",
                     "concurrency=1",
                     "proxy=environment",
                     "headers={}",
                     "tls.enabled=false",
                     "tls.ca_file=",
                     "tls.cert_file=",
                     "tls.key_file=",
                     "tls.insecure_skip_verify=false"};
  Keys all = wire;
  all.insert(all.end(),
             {"max_request_size=4Mi", "traces.enabled=true", "traces.endpoint=", "traces.batch_size=512",
              "traces.batch_timeout=1000ms", "traces.sampler=parentbased_always_on", "traces.sampler_arg=1.0",
              "metrics.enabled=true", "metrics.endpoint=", "metrics.batch_size=1000", "metrics.interval=15000ms",
              "metrics.temporality=cumulative", "metrics.histogram=explicit", "logs.enabled=true", "logs.endpoint=",
              "logs.batch_size=1000", "logs.batch_timeout=1000ms", "destinations.name=", "destinations.signals=[]"});
  for (const std::string& key : wire) all.push_back("destinations." + key);
  EXPECT_EQ(otlp.keys, all);
  EXPECT_EQ(otlp.secrets, (Keys{"headers", "destinations.headers"}));
  Recorder output;
  OutputSettings output_settings;
  describe(output, output_settings);
  EXPECT_EQ(output.keys, (Keys{"console=auto", "file.path=", "file.max_size=100Mi", "file.max_files=3"}));
  Recorder backoff;
  BackoffSettings backoff_settings;
  describe(backoff, backoff_settings);
  EXPECT_EQ(backoff.keys, (Keys{"initial=500ms", "max=30000ms", "multiplier=2.0", "jitter=0.2"}));
  Recorder queues;
  QueuesSettings queue_settings;
  describe(queues, queue_settings);
  EXPECT_EQ(queues.keys,
            (Keys{"traces.mem_limit=256Mi", "traces.max_age=21600000ms", "metrics.mem_limit=128Mi",
                  "metrics.max_age=300000ms", "logs.mem_limit=256Mi", "logs.max_age=86400000ms",
                  "spool.directory=", "spool.max_size=1024Mi", "spool.fsync=interval", "spool.fsync_interval=1000ms"}));
}

}  // namespace
}  // namespace telegen
