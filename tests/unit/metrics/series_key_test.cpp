#include "metrics/series_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"

namespace telegen {
namespace {

using List = std::vector<SeriesAttribute>;

// Texts whose views a list holds.
const std::vector<std::string>& texts() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> made;
    for (std::size_t size = 0; size < 40; ++size) {
      made.push_back(std::string(size, 'x'));
      for (std::size_t at = 0; at < size; ++at) {
        made.push_back(std::string(size, 'x'));
        made.back()[at] = 'y';
      }
    }
    return made;
  }();
  return all;
}

SeriesAttribute any_attribute(Random& random, std::string_view key) {
  switch (random.next() % 4) {
    case 0: return {key, random.next() % 2 == 0};
    case 1: return {key, static_cast<std::int64_t>(random.next() % 3) - 1};
    case 2: return {key, static_cast<double>(random.next() % 3)};
    default: return {key, std::string_view(texts()[random.next() % texts().size()])};
  }
}

List any_list(Random& random) {
  static constexpr std::string_view kKeys[] = {"a", "b", "http.route", "http.request.method", "server.port"};
  List list;
  for (const std::string_view key : kKeys) {
    if (random.next() % 2 == 0) list.push_back(any_attribute(random, key));
  }
  return list;
}

bool equal(const List& a, const List& b) {
  const auto in = [](const List& list, const SeriesAttribute& one) {
    return std::ranges::any_of(list,
                               [&](const auto& other) { return other.key == one.key && other.value == one.value; });
  };
  return a.size() == b.size() && std::ranges::all_of(a, [&](const auto& one) { return in(b, one); });
}

TEST(SeriesKey, TheOrderOfAttributesHasNoMeaning) {
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    const List list = any_list(random);
    List mixed = list;
    for (std::size_t j = mixed.size(); j > 1; --j) std::swap(mixed[j - 1], mixed[random.next() % j]);
    ASSERT_EQ(hash_of(list, 7), hash_of(mixed, 7));
    ASSERT_TRUE(same_attributes(make_attribute_set(list), mixed));
  }
}

TEST(SeriesKey, SetsAreTheSameIfAllTheirAttributesAre) {
  Random random(2);
  std::size_t same = 0;
  for (int i = 0; i < 200'000; ++i) {
    const List a = any_list(random);
    List b = any_list(random);
    if (random.next() % 2 == 0) {  // nearly the same
      b = a;
      if (!b.empty()) b[random.next() % b.size()] = any_attribute(random, b[random.next() % b.size()].key);
      if (std::ranges::any_of(b, [&](const auto& one) {
            return std::ranges::count_if(b, [&](const auto& other) { return other.key == one.key; }) > 1;
          })) {
        continue;
      }
    }
    const bool expected = equal(a, b);
    same += expected ? 1 : 0;
    ASSERT_EQ(same_attributes(make_attribute_set(a), b), expected);
    ASSERT_EQ(hash_of(a, 7) == hash_of(b, 7), expected);
  }
  EXPECT_GT(same, 1000U);
}

TEST(SeriesKey, EveryByteOfATextAndEveryTypeIsToldApart) {
  std::set<std::uint64_t> hashes;
  for (const std::string& text : texts()) hashes.insert(hash_of(List{{"k", std::string_view(text)}}, 3));
  EXPECT_EQ(hashes.size(), texts().size());
  const std::vector<List> lists = {{},           {{"k", true}}, {{"k", false}}, {{"k", std::int64_t{1}}},
                                   {{"k", 1.0}}, {{"k", "1"}},  {{"l", true}},  {{"k", ""}},
                                   {{"k", 0.0}}, {{"k", -0.0}}};
  for (std::size_t i = 0; i < lists.size(); ++i) {
    for (std::size_t j = 0; j < lists.size(); ++j) {
      EXPECT_EQ(hash_of(lists[i], 3) == hash_of(lists[j], 3), i == j) << i << " and " << j;
      EXPECT_EQ(same_attributes(make_attribute_set(lists[i]), lists[j]), i == j) << i << " and " << j;
    }
  }
}

TEST(SeriesKey, NotANumberIsOneValue) {
  const List list = {{"k", std::numeric_limits<double>::quiet_NaN()}};
  EXPECT_TRUE(same_attributes(make_attribute_set(list), list));
}

// What falls together with one seed does not with another: else who found such texts once could use them anywhere.
TEST(SeriesKey, TheSeedDecidesWhatFallsTogether) {
  Random random(4);
  std::vector<std::string> routes;
  routes.reserve(4096);
  for (int i = 0; i < 4096; ++i) routes.push_back("/" + std::to_string(random.next()));
  const auto bucket = [&](const std::string& route, std::uint64_t seed) {
    return hash_of(List{{"http.route", std::string_view(route)}}, seed) % 64;
  };
  std::vector<std::string> together;
  std::ranges::copy_if(routes, std::back_inserter(together), [&](const auto& route) { return bucket(route, 1) == 5; });
  ASSERT_GT(together.size(), 30U);
  std::set<std::uint64_t> places;
  for (const std::string& route : together) places.insert(bucket(route, 2));
  EXPECT_GT(places.size(), together.size() / 3);
}

TEST(SeriesKey, ResourcesAreComparedByAllTheirAttributes) {
  const Resource a{{{"service.name", std::string("a")}, {"process.command_args", std::vector<std::string>{"x", "y"}}}};
  const Resource mixed{{a.attributes[1], a.attributes[0]}};
  const Resource other{{a.attributes[0], {"process.command_args", std::vector<std::string>{"xy"}}}};
  EXPECT_TRUE(same_resource(a, mixed));
  EXPECT_EQ(hash_of(a, 9), hash_of(mixed, 9));
  EXPECT_FALSE(same_resource(a, other));
  EXPECT_NE(hash_of(a, 9), hash_of(other, 9));
  EXPECT_FALSE(same_resource(a, Resource{}));
}

}  // namespace
}  // namespace telegen
