#include "metrics/application_metrics.h"

#include <strings.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

namespace telegen {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_name(std::string_view name) {
  constexpr std::size_t kMaxName = 255;
  constexpr std::string_view kOthers = "0123456789_.-/";
  return !name.empty() && name.size() <= kMaxName && is_letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || kOthers.contains(c); });
}

bool ascend(const std::vector<double>& bounds) {
  return std::ranges::all_of(bounds, [](double bound) { return std::isfinite(bound); }) &&
         std::ranges::adjacent_find(bounds, std::ranges::greater_equal{}) == bounds.end();
}

}  // namespace

ApplicationMetrics::ApplicationMetrics(const SeriesSettings& settings, std::uint64_t hash_seed, MetricRegistry& own)
    : account_(settings, hash_seed, own) {}

Result<Instrument*> ApplicationMetrics::add(InstrumentDescription description) {
  const std::string what = "add metric '" + description.name + "': ";
  if (!is_name(description.name)) return fail(what + "not a name for a metric");
  const bool taken = std::ranges::any_of(instruments_, [&](const auto& one) {
    return ::strcasecmp(one->description().name.c_str(), description.name.c_str()) == 0;
  });
  if (taken) return fail(what + "the name is taken");
  if (!ascend(description.bounds)) return fail(what + "the bounds of its buckets do not ascend");
  if (description.max_buckets < 2) return fail(what + "an exponential histogram needs two buckets");
  return instruments_.emplace_back(std::make_unique<Instrument>(std::move(description), account_)).get();
}

std::vector<Metric> ApplicationMetrics::collect(Time now, UnixTime wall) {
  std::vector<Metric> metrics;
  const UnixTime point_time = account_.point_of(wall);
  for (const auto& instrument : instruments_) instrument->collect(now, point_time, metrics);
  return metrics;
}

}  // namespace telegen
