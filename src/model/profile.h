// A profile as OpenTelemetry defines it (opentelemetry-proto 1.9 and later, profiles/v1development/profiles.proto).
// Plain values. Whatever an index points to is in the dictionary; index 0 of each table is the zero value, "none".
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/attribute.h"
#include "model/resource.h"
#include "model/span.h"

namespace telegen {

struct ProfileMapping {
  std::uint64_t memory_start = 0;
  std::uint64_t memory_limit = 0;  // the first address behind it
  std::uint64_t file_offset = 0;
  std::uint32_t filename = 0;             // string
  std::vector<std::uint32_t> attributes;  // process.executable.build_id.gnu and its like
};

struct ProfileFunction {
  std::uint32_t name = 0;         // string
  std::uint32_t system_name = 0;  // string; as the binary spells it
  std::uint32_t filename = 0;     // string
  std::int64_t start_line = 0;    // 0: not known
};

struct ProfileLine {
  std::uint32_t function = 0;
  std::int64_t line = 0;  // from 1; 0: not known
  std::int64_t column = 0;
};

struct ProfileLocation {
  std::uint32_t mapping = 0;
  std::uint64_t address = 0;
  std::vector<ProfileLine> lines;  // more than one: inlined functions, the innermost first
  std::vector<std::uint32_t> attributes;
};

struct ProfileStack {
  std::vector<std::uint32_t> locations;  // the leaf first
};

struct ProfileLink {
  TraceId trace_id;
  SpanId span_id;
};

struct ProfileAttribute {
  std::uint32_t key = 0;  // string
  Value value;
  std::uint32_t unit = 0;  // string
};

// The tables of the profiles that were taken together. Entries are distinct.
struct ProfileDictionary {
  std::vector<std::string> strings = {""};
  std::vector<ProfileMapping> mappings = {{}};
  std::vector<ProfileFunction> functions = {{}};
  std::vector<ProfileLocation> locations = {{}};
  std::vector<ProfileStack> stacks = {{}};
  std::vector<ProfileLink> links = {{}};
  std::vector<ProfileAttribute> attributes = {{}};
};

// Shared because the profiles of all processes of one interval refer to one; never changed after it is published.
using ProfileDictionaryPtr = std::shared_ptr<const ProfileDictionary>;

struct ProfileValueType {
  std::uint32_t type = 0;  // string: "cpu", "samples", …
  std::uint32_t unit = 0;  // string: "nanoseconds", "count", …
};

// One stack, seen once or many times: a value and a time for each, or one of the two only (values without times are
// summed into one; times without values count 1 each).
struct ProfileSample {
  std::uint32_t stack = 0;
  std::uint32_t link = 0;
  std::vector<std::uint32_t> attributes;
  std::vector<std::int64_t> values;
  std::vector<UnixTime> times;
};

struct Profile {
  ProfileValueType sample_type;
  ProfileValueType period_type;
  std::int64_t period = 0;  // between samples, in the unit of period_type
  UnixTime time;            // when the collection began
  Duration duration{};
  std::array<std::uint8_t, 16> id{};  // all zero: none
  std::vector<ProfileSample> samples;
  std::vector<std::uint32_t> attributes;
  std::uint32_t dropped_attributes = 0;
  ProfileDictionaryPtr dictionary;  // null only where there is no index but 0
  std::uint32_t process = 0;        // tgid in the root pid namespace; enrichment finds `resource` by it
  ResourcePtr resource;             // null until the profile is enriched
};

}  // namespace telegen
