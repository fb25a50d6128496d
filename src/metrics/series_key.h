// What tells one series of a metric from another: the values of its attributes. Recording looks a series up by views of
// texts that the caller holds; only a new series copies them. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "model/attribute_set.h"
#include "model/resource.h"

namespace telegen {

// Lists of texts are left out: no convention has one on a metric.
struct SeriesAttribute {
  std::string_view key;
  std::variant<bool, std::int64_t, double, std::string_view> value;
};

// Keys are distinct; their order has no meaning.
using SeriesAttributes = std::span<const SeriesAttribute>;

// The same for the same attributes in any order. With a seed that is not known outside, nobody who chooses the values
// (paths, names) can make many of them fall together.
std::uint64_t hash_of(SeriesAttributes attributes, std::uint64_t seed);
std::uint64_t hash_of(const Resource& resource, std::uint64_t seed);

// In any order. Numbers are the same if their bits are: NaN is one value.
bool same_attributes(const AttributeSetPtr& set, SeriesAttributes attributes);
bool same_resource(const Resource& a, const Resource& b);

// Null where there are none.
AttributeSetPtr make_attribute_set(SeriesAttributes attributes);

// What a set takes on the heap, with the encoded form that the encoder will keep beside it.
std::size_t held_bytes(const AttributeSetPtr& set);

}  // namespace telegen
