// How a room declares its section of the configuration: one function that names every key once. The same declaration
// parses, validates, prints and documents it (src/control/config holds those visitors), so no key can exist in one of
// them only. This header knows nothing of YAML.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace telegen {

// A size in bytes; written as plain bytes or with Ki, Mi, Gi.
struct ByteSize {
  std::uint64_t bytes = 0;
  bool operator==(const ByteSize&) const = default;
};

struct FieldRules {
  std::vector<std::string_view> choices = {};  // the closed set of a string's values; empty: any
  double min = 0;                              // numbers, sizes (bytes) and durations (seconds): inclusive bounds
  double max = 0;                              // max == min: unbounded
  bool secret = false;                         // shown as "****" wherever the configuration is printed
};

class SettingsVisitor {
 public:
  virtual ~SettingsVisitor() = default;
  using Body = std::function<void(SettingsVisitor&)>;
  // A list of mappings: `resize(n)` makes n default entries, `entry(i, visitor)` visits the i-th.
  struct List {
    std::function<std::size_t()> size;
    std::function<void(std::size_t)> resize;
    std::function<void(std::size_t, SettingsVisitor&)> entry;
  };

  // `doc` is one sentence for the generated documentation. The value passed in holds the default.
  virtual void section(std::string_view key, std::string_view doc, const Body& body) = 0;
  virtual void list(std::string_view key, std::string_view doc, const List& list) = 0;
  virtual void field(std::string_view key, bool& value, std::string_view doc) = 0;
  virtual void field(std::string_view key, std::int64_t& value, std::string_view doc, const FieldRules& rules = {}) = 0;
  virtual void field(std::string_view key, double& value, std::string_view doc, const FieldRules& rules = {}) = 0;
  virtual void field(std::string_view key, std::string& value, std::string_view doc, const FieldRules& rules = {}) = 0;
  virtual void field(std::string_view key, ByteSize& value, std::string_view doc, const FieldRules& rules = {}) = 0;
  virtual void field(std::string_view key, Duration& value, std::string_view doc, const FieldRules& rules = {}) = 0;
  virtual void field(std::string_view key, std::vector<std::string>& value, std::string_view doc,
                     const FieldRules& rules = {}) = 0;
  virtual void field(std::string_view key, std::map<std::string, std::string>& value, std::string_view doc,
                     const FieldRules& rules = {}) = 0;
};

}  // namespace telegen
