// One metric: what is recorded under its name, a series for each resource and set of attributes. One thread, the one of
// its ApplicationMetrics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "metrics/aggregate.h"
#include "metrics/exemplar_reservoir.h"
#include "metrics/series_account.h"
#include "metrics/series_key.h"

namespace telegen {

class Instrument {
 public:
  // `description` is valid (ApplicationMetrics has looked at it); `account` outlives this.
  Instrument(InstrumentDescription description, SeriesAccount& account);
  Instrument(const Instrument&) = delete;
  Instrument& operator=(const Instrument&) = delete;

  // Counters and up-down counters add the value, a gauge keeps the last, histograms count it. `now` is the wall clock
  // as it is read now, not a time of the measurement: only the start of a new series is taken from it. A resource may
  // be null; two of the same attributes are one. False, and counted, if the value is not finite, negative (counters and
  // histograms), or a real number where the instrument has integers.
  // `candidate`, if given and empty, is set where the series of a histogram could use an exemplar of this value.
  bool record(NumberValue value, const ResourcePtr& resource, SeriesAttributes attributes, UnixTime now,
              ExemplarCandidate* candidate = nullptr);

  // Adds what there is to say, in metrics of at most max_points points of one resource each; see ApplicationMetrics.
  void collect(Time now, UnixTime point_time, std::vector<Metric>& out);

  const InstrumentDescription& description() const { return description_; }

 private:
  struct Lookup {
    std::uint64_t hash;
    SeriesAttributes attributes;
  };
  struct Key {
    std::uint64_t hash;
    AttributeSetPtr set;
  };
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const Key& key) const { return key.hash; }
    std::size_t operator()(const Lookup& key) const { return key.hash; }
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(const Key& a, const Key& b) const { return a.hash == b.hash && a.set == b.set; }
    bool operator()(const Key& a, const Lookup& b) const {
      return a.hash == b.hash && same_attributes(a.set, b.attributes);
    }
    bool operator()(const Lookup& a, const Key& b) const { return (*this)(b, a); }
  };
  struct Series {
    Aggregate aggregate;
    UnixTime start;       // of what the aggregate holds
    Time updated;         // of the last collection that found it updated
    bool touched = true;  // recorded since the last collection
    // Made when the first candidate comes. Shared with candidates, which may outlive the series.
    std::shared_ptr<ExemplarReservoir> exemplars = nullptr;
  };
  using SeriesMap = std::unordered_map<Key, Series, KeyHash, KeyEqual>;
  struct Group {
    ResourcePtr resource;
    SeriesMap series;
  };
  using GroupMap = std::unordered_multimap<std::uint64_t, std::unique_ptr<Group>>;  // by the resource's hash

  bool accepts(NumberValue& value);
  Group& group_of(const ResourcePtr& resource);
  Group& find_or_add_group(const ResourcePtr& resource);
  Series& series_of(Group& group, const Lookup& lookup, UnixTime now);
  Series& add_or_overflow(Group& group, const Lookup& lookup, UnixTime now);
  Series& add_series(Group& group, const Lookup& lookup, UnixTime now);
  static std::size_t bytes_of(const SeriesMap::value_type& series);
  void collect_group(Group& group, Time now, UnixTime point_time, std::vector<Metric>& out);
  void offer(Series& series, double value, UnixTime now, ExemplarCandidate& candidate);
  void start_interval(Series& series, UnixTime start);
  bool is_delta() const;

  InstrumentDescription description_;
  SeriesAccount& account_;
  std::uint64_t overflow_hash_;
  GroupMap groups_;
  // Resources by address, so that their attributes are not hashed for each value. Keeps them alive until the next
  // collection: an address is not used again while it stands here.
  std::unordered_map<ResourcePtr, Group*> seen_;
};

}  // namespace telegen
