#include <gtest/gtest.h>

#include "export/otlp/logs.h"
#include "export/otlp/metrics.h"
#include "export/otlp/profiles.h"
#include "golden.h"
#include "sample_signals.h"

namespace telegen {
namespace {

using otlp::Prefix;
using otlp::Scope;
using testing::golden;

const Scope kScope{"telegen", "1.2.3"};

// Resource bytes stand in order of the first item, as the golden requests have them.
TEST(EncodeMetrics, IsByteForByteWhatTheOfficialLibraryWrites) {
  const std::string expected = golden("metrics.pb");
  ASSERT_GT(expected.size(), 500U);
  const auto metrics = testing::golden_metrics();
  EXPECT_EQ(otlp::encode_metrics_prefix(metrics, kScope, otlp::kMaxRequestBytes).body, expected);
  EXPECT_EQ(otlp::encode_metrics_prefix(metrics, kScope, otlp::kMaxRequestBytes).body, expected)
      << "from attributes that were encoded before";
}

TEST(EncodeLogs, IsByteForByteWhatTheOfficialLibraryWrites) {
  const std::string expected = golden("logs.pb");
  ASSERT_GT(expected.size(), 250U);
  EXPECT_EQ(otlp::encode_logs_prefix(testing::golden_logs(), kScope, otlp::kMaxRequestBytes).body, expected);
}

TEST(EncodeProfiles, IsByteForByteWhatTheOfficialLibraryWrites) {
  const std::string expected = golden("profiles.pb");
  ASSERT_GT(expected.size(), 400U);
  EXPECT_EQ(otlp::encode_profiles_prefix(testing::golden_profiles(), kScope, otlp::kMaxRequestBytes).body, expected);
}

TEST(EncodeSignals, NothingGivesAnEmptyRequest) {
  for (const Prefix& prefix :
       {otlp::encode_metrics_prefix({}, kScope, 1000), otlp::encode_logs_prefix({}, kScope, 1000),
        otlp::encode_profiles_prefix({}, kScope, 1000)}) {
    EXPECT_EQ(prefix.taken, 0U);
    EXPECT_EQ(prefix.body, "");
  }
}

// Every item is in one request or counted as too large for any; a request holds what its items alone would make, keeps
// the limit and is closed only where the next item would not fit.
template <class Item, class Encode>
void check_splits(const std::vector<Item>& items, std::size_t limit, std::size_t expected_oversized,
                  const Encode& encode) {
  std::span<const Item> rest = items;
  std::size_t oversized = 0;
  std::size_t encoded = 0;
  while (!rest.empty()) {
    const Prefix prefix = encode(rest, limit);
    ASSERT_GT(prefix.taken, 0U);
    ASSERT_EQ(prefix.encoded + prefix.oversized, prefix.taken);
    ASSERT_LE(prefix.body.size(), limit);
    ASSERT_EQ(prefix.body.empty(), prefix.encoded == 0);
    const Prefix same = encode(rest.subspan(prefix.oversized, prefix.encoded), SIZE_MAX);
    EXPECT_EQ(prefix.body, same.body);
    if (prefix.taken < rest.size()) {
      const Prefix more = encode(rest.subspan(prefix.oversized, prefix.encoded + 1), SIZE_MAX);
      if (more.encoded == prefix.encoded + 1) {
        EXPECT_GT(more.body.size() + 64, limit);
      }
    }
    oversized += prefix.oversized;
    encoded += prefix.encoded;
    rest = rest.subspan(prefix.taken);
  }
  EXPECT_EQ(oversized, expected_oversized);
  EXPECT_EQ(encoded + oversized, items.size());
}

std::string letters(Random& random, std::uint64_t most) { return std::string(random.next() % (most + 1), 'x'); }

// One in so many is larger than any request; it stands first in what is left when its turn comes.
constexpr std::size_t kLimit = 3000;

TEST(EncodeSignals, SplitsOfLogsKeepEveryRecordAndTheLimit) {
  Random random(11);
  std::vector<LogRecord> records;
  const ResourcePtr resources[] = {nullptr, testing::shop_resource(), testing::checkout_resource()};
  records.reserve(400);
  for (int i = 0; i < 400; ++i) {
    records.push_back(
        {.observed_time = {random.next()}, .body = letters(random, 400), .resource = resources[random.next() % 3]});
  }
  records[0].body = std::string(5000, 'x');
  records[200].body = std::string(5000, 'x');
  check_splits(records, kLimit, 2,
               [](auto items, std::size_t limit) { return otlp::encode_logs_prefix(items, kScope, limit); });
}

TEST(EncodeSignals, SplitsOfMetricsKeepEveryMetricAndTheLimit) {
  Random random(12);
  std::vector<Metric> metrics;
  for (int i = 0; i < 60; ++i) {
    auto some = testing::golden_metrics();
    for (Metric& metric : some) {
      metric.description = letters(random, 300);
      metrics.push_back(std::move(metric));
    }
  }
  metrics[100].description = std::string(5000, 'x');
  check_splits(metrics, kLimit, 1,
               [](auto items, std::size_t limit) { return otlp::encode_metrics_prefix(items, kScope, limit); });
}

TEST(EncodeSignals, SplitsOfProfilesKeepEveryProfileTheLimitAndOnlyTheTablesThatAreUsed) {
  Random random(13);
  ProfileDictionary tables;
  for (std::uint32_t i = 1; i <= 300; ++i) {
    tables.strings.push_back(std::to_string(i) + letters(random, 30));
    tables.functions.push_back({i, 0, 0, 0});
    tables.locations.push_back({0, i, {{i, 0, 0}}, {}});
    tables.stacks.push_back({{i, static_cast<std::uint32_t>(1 + random.next() % i)}});
  }
  tables.strings[7] = std::string(5000, 'x');  // whoever uses function 7 fits nowhere
  tables.stacks[7] = {{7}};
  for (auto& stack : tables.stacks) {
    if (&stack != &tables.stacks[7]) std::erase(stack.locations, 7U);
  }
  const auto dictionary = std::make_shared<const ProfileDictionary>(tables);
  const auto other = std::make_shared<const ProfileDictionary>(tables);
  std::vector<Profile> profiles;
  profiles.reserve(300);
  for (std::uint32_t i = 1; i <= 300; ++i) {
    Profile profile{.sample_type = {1, 2}, .time = {1}, .dictionary = i <= 200 ? dictionary : other};
    profile.samples.push_back({i, 0, {}, {1}, {}});
    profile.samples.push_back({i == 7 ? 1 : 1 + i / 2, 0, {}, {2}, {}});
    if (profile.samples[1].stack == 7) profile.samples[1].stack = 8;
    profiles.push_back(profile);
  }
  check_splits(profiles, kLimit, 1,
               [](auto items, std::size_t limit) { return otlp::encode_profiles_prefix(items, kScope, limit); });
}

TEST(EncodeSignals, HostileTextBecomesValid) {
  const std::string bad = "a\xff";
  const std::string good = "a\xef\xbf\xbd";
  const auto log = [](const std::string& text) {
    return std::vector<LogRecord>{
        {.severity_text = text, .event_name = text, .body = text, .attributes = {{text, text}}}};
  };
  EXPECT_EQ(otlp::encode_logs_prefix(log(bad), kScope, SIZE_MAX).body,
            otlp::encode_logs_prefix(log(good), kScope, SIZE_MAX).body);
  const auto metric = [](const std::string& text) {
    NumberPoint point{{.attributes = std::make_shared<const AttributeSet>(OwnedAttributes{{text, text}})}, 1.0};
    point.exemplars.push_back({.value = 1.0, .filtered_attributes = {{text, text}}});
    return std::vector<Metric>{{text, text, text, GaugeData{{point}}}};
  };
  EXPECT_EQ(otlp::encode_metrics_prefix(metric(bad), kScope, SIZE_MAX).body,
            otlp::encode_metrics_prefix(metric(good), kScope, SIZE_MAX).body);
  const auto profile = [](const std::string& text) {
    ProfileDictionary tables;
    tables.strings.push_back(text);
    tables.attributes.push_back({1, text, 0});
    return std::vector<Profile>{
        {.sample_type = {1, 0}, .attributes = {1}, .dictionary = std::make_shared<const ProfileDictionary>(tables)}};
  };
  EXPECT_EQ(otlp::encode_profiles_prefix(profile(bad), kScope, SIZE_MAX).body,
            otlp::encode_profiles_prefix(profile(good), kScope, SIZE_MAX).body);
}

TEST(EncodeProfiles, AnIndexBeyondItsTableIsNone) {
  const auto with = [](std::uint32_t i, ProfileDictionaryPtr dictionary) {
    Profile profile{.sample_type = {i, i}, .attributes = {i}, .dictionary = std::move(dictionary)};
    profile.samples.push_back({i, i, {i}, {1}, {}});
    const std::vector<Profile> one = {profile};
    return otlp::encode_profiles_prefix(one, kScope, SIZE_MAX).body;
  };
  const auto empty = std::make_shared<const ProfileDictionary>();
  EXPECT_EQ(with(99, empty), with(0, empty));
  EXPECT_EQ(with(99, nullptr), with(0, empty));
}

}  // namespace
}  // namespace telegen
