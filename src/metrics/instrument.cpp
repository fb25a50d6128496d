#include "metrics/instrument.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace telegen {
namespace {

// OpenTelemetry, metrics SDK, "Overflow attribute".
constexpr SeriesAttribute kOverflow[] = {{"otel.metric.overflow", true}};

constexpr std::size_t kMaxSeen = 4096;      // resources by address; each is found again by its attributes
constexpr std::size_t kNodeOverhead = 32;   // of a map's node: its link, its hash, the allocator's header
constexpr std::size_t kBucketPointer = 16;  // a map's share for one entry while it grows
constexpr std::size_t kReservoirBytes = sizeof(ExemplarReservoir) + 32;  // with the counts beside it

// Attributes as a series may keep them.
class CleanAttributes {
 public:
  CleanAttributes(SeriesAttributes from, const std::function<void(std::string&)>& clean)
      : attributes_(from.begin(), from.end()) {
    texts_.reserve(from.size());
    for (SeriesAttribute& one : attributes_) {
      auto* text = std::get_if<std::string_view>(&one.value);
      if (text == nullptr) continue;
      std::string& own = texts_.emplace_back(*text);
      clean(own);
      changed_ = changed_ || own != *text;
      *text = own;
    }
  }
  bool changed() const { return changed_; }
  SeriesAttributes get() const { return attributes_; }

 private:
  std::vector<SeriesAttribute> attributes_;
  std::vector<std::string> texts_;  // never grows beyond what is reserved: the views stay valid
  bool changed_ = false;
};

// Puts points into metrics of at most so many.
class PointWriter {
 public:
  PointWriter(const InstrumentDescription& of, const SeriesSettings& settings, const ResourcePtr& resource,
              std::vector<Metric>& out)
      : of_(of), settings_(settings), resource_(resource), out_(out) {}

  void write(const Aggregate& aggregate, Point&& point) {
    if (room_ == 0) {
      out_.push_back({.name = of_.name,
                      .description = of_.description,
                      .unit = of_.unit,
                      .data = empty_data(of_, settings_.temporality),
                      .resource = resource_});
      room_ = std::max<std::size_t>(settings_.max_points, 1);
    }
    aggregate.write(out_.back(), std::move(point));
    --room_;
  }

 private:
  const InstrumentDescription& of_;
  const SeriesSettings& settings_;
  const ResourcePtr& resource_;
  std::vector<Metric>& out_;
  std::size_t room_ = 0;
};

bool is_histogram(InstrumentKind kind) {
  return kind == InstrumentKind::kHistogram || kind == InstrumentKind::kExponentialHistogram;
}

bool adds_up(InstrumentKind kind) { return kind == InstrumentKind::kCounter || is_histogram(kind); }

}  // namespace

Instrument::Instrument(InstrumentDescription description, SeriesAccount& account)
    : description_(std::move(description)), account_(account), overflow_hash_(hash_of(kOverflow, account.seed)) {
  if (is_histogram(description_.kind)) description_.numbers = NumberType::kReal;
}

bool Instrument::record(NumberValue value, const ResourcePtr& resource, SeriesAttributes attributes, UnixTime now,
                        ExemplarCandidate* candidate) {
  if (!accepts(value)) return false;
  Series& series = series_of(group_of(resource), {hash_of(attributes, account_.seed), attributes}, now);
  const std::size_t before = series.aggregate.heap_bytes();
  series.aggregate.record(description_, value);
  series.touched = true;
  if (const std::size_t after = series.aggregate.heap_bytes(); after != before) {
    account_.hold(after);
    account_.release(before);
  }
  if (candidate != nullptr && is_histogram(description_.kind)) offer(series, std::get<double>(value), now, *candidate);
  return true;
}

void Instrument::offer(Series& series, double value, UnixTime now, ExemplarCandidate& candidate) {
  const std::int32_t bucket = Aggregate::exemplar_bucket(description_, value);
  if (series.exemplars == nullptr) {
    series.exemplars = std::make_shared<ExemplarReservoir>();
    account_.hold(kReservoirBytes);
  }
  if (!series.exemplars->wants(bucket)) return;
  candidate = {series.exemplars, series.exemplars->interval(), {bucket, value, account_.start_of(now)}};
}

bool Instrument::accepts(NumberValue& value) {
  if (auto* integer = std::get_if<std::int64_t>(&value);
      integer != nullptr && description_.numbers == NumberType::kReal) {
    value = static_cast<double>(*integer);
  }
  const double* real = std::get_if<double>(&value);
  if (real != nullptr && !std::isfinite(*real)) {
    account_.not_finite.add();
    return false;
  }
  if (real != nullptr && description_.numbers == NumberType::kInteger) {
    account_.not_integers.add();
    return false;
  }
  if (adds_up(description_.kind) && (real != nullptr ? *real < 0 : std::get<std::int64_t>(value) < 0)) {
    account_.negative.add();
    return false;
  }
  return true;
}

Instrument::Group& Instrument::group_of(const ResourcePtr& resource) {
  if (const auto known = seen_.find(resource); known != seen_.end()) return *known->second;
  Group& group = find_or_add_group(resource);
  if (seen_.size() >= kMaxSeen) seen_.clear();
  seen_.emplace(resource, &group);
  return group;
}

Instrument::Group& Instrument::find_or_add_group(const ResourcePtr& resource) {
  const std::uint64_t hash = resource == nullptr ? 0 : hash_of(*resource, account_.seed);
  const auto [first, last] = groups_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    const ResourcePtr& held = it->second->resource;
    if (held == resource) return *it->second;
    if (held != nullptr && resource != nullptr && same_resource(*held, *resource)) return *it->second;
  }
  account_.hold(sizeof(Group) + kNodeOverhead + kBucketPointer);
  return *groups_.emplace(hash, std::make_unique<Group>(Group{.resource = resource}))->second;
}

Instrument::Series& Instrument::series_of(Group& group, const Lookup& lookup, UnixTime now) {
  if (const auto known = group.series.find(lookup); known != group.series.end()) return known->second;
  // What a series has was cleaned, so only attributes that none has need it.
  if (!account_.settings.clean) return add_or_overflow(group, lookup, now);
  const CleanAttributes clean(lookup.attributes, account_.settings.clean);
  if (!clean.changed()) return add_or_overflow(group, lookup, now);
  const Lookup cleaned{hash_of(clean.get(), account_.seed), clean.get()};
  if (const auto known = group.series.find(cleaned); known != group.series.end()) return known->second;
  return add_or_overflow(group, cleaned, now);
}

Instrument::Series& Instrument::add_or_overflow(Group& group, const Lookup& lookup, UnixTime now) {
  const Lookup overflow{overflow_hash_, kOverflow};
  const auto rest = group.series.find(overflow);
  const std::size_t ordinary = group.series.size() - (rest == group.series.end() ? 0 : 1);
  if (ordinary + 1 < account_.settings.max_series && account_.bytes() < account_.settings.max_bytes) {
    return add_series(group, lookup, now);
  }
  account_.overflowed.add();
  return rest == group.series.end() ? add_series(group, overflow, now) : rest->second;
}

Instrument::Series& Instrument::add_series(Group& group, const Lookup& lookup, UnixTime now) {
  const auto [place, is_new] = group.series.emplace(
      Key{lookup.hash, make_attribute_set(lookup.attributes)},
      Series{.aggregate = Aggregate(description_), .start = account_.start_of(now), .updated = {}});
  account_.series_added();
  account_.hold(bytes_of(*place));
  return place->second;
}

std::size_t Instrument::bytes_of(const SeriesMap::value_type& series) {
  return sizeof series + kNodeOverhead + kBucketPointer + held_bytes(series.first.set) +
         series.second.aggregate.heap_bytes() + (series.second.exemplars == nullptr ? 0 : kReservoirBytes);
}

bool Instrument::is_delta() const {
  return adds_up(description_.kind) && account_.settings.temporality == Temporality::kDelta;
}

void Instrument::collect(Time now, UnixTime point_time, std::vector<Metric>& out) {
  seen_.clear();
  for (auto group = groups_.begin(); group != groups_.end();) {
    collect_group(*group->second, now, point_time, out);
    if (group->second->series.empty()) {
      account_.release(sizeof(Group) + kNodeOverhead + kBucketPointer);
      group = groups_.erase(group);
    } else {
      ++group;
    }
  }
}

void Instrument::collect_group(Group& group, Time now, UnixTime point_time, std::vector<Metric>& out) {
  PointWriter writer(description_, account_.settings, group.resource, out);
  const bool delta = is_delta();
  for (auto place = group.series.begin(); place != group.series.end();) {
    Series& series = place->second;
    const bool updated = std::exchange(series.touched, false);
    if (updated) series.updated = now;
    const bool ended = !updated && now - series.updated >= account_.settings.max_idle;
    if (!delta || updated) {
      Point point{.attributes = place->first.set, .time = point_time, .no_recorded_value = ended};
      if (description_.kind != InstrumentKind::kGauge) point.start = series.start;
      if (series.exemplars != nullptr && !ended) {
        point.exemplars = series.exemplars->take(series.aggregate.exemplar_shift());
      }
      writer.write(series.aggregate, std::move(point));
    }
    if (ended) {
      account_.release(bytes_of(*place));
      account_.series_ended();
      place = group.series.erase(place);
      continue;
    }
    if (delta && updated) start_interval(series, point_time);
    ++place;
  }
}

// It begins where the one before ended, also if nothing is recorded for a while.
void Instrument::start_interval(Series& series, UnixTime start) {
  const std::size_t before = series.aggregate.heap_bytes();
  series.aggregate.reset(description_);
  account_.release(before);
  account_.hold(series.aggregate.heap_bytes());
  series.start = start;
  if (series.exemplars != nullptr) series.exemplars->next_interval();
}

}  // namespace telegen
