// The dictionary of one request: the entries of a ProfileDictionary that its profiles refer to, in the order in which
// they were first needed. Private to this folder.
#pragma once

#include <array>
#include <unordered_map>

#include "export/otlp/values.h"
#include "model/profile.h"

namespace telegen::otlp {

// Old index to new, for one table. New index 0 is old index 0 and stands for whatever is not there.
class Renumbering {
 public:
  explicit Renumbering(std::size_t entries) : to_(entries) {}
  // The new index, 0 if it has none (yet).
  std::uint32_t operator[](std::uint32_t old) const { return old < to_.size() ? to_[old] : 0; }
  // True: `old` has a new index now, and had none before.
  bool add(std::uint32_t old) {
    if (old == 0 || old >= to_.size() || to_[old] != 0) return false;
    order_.push_back(old);
    to_[old] = static_cast<std::uint32_t>(order_.size());
    return true;
  }
  // Old indices in the order of the new ones, from new index 1.
  const std::vector<std::uint32_t>& order() const { return order_; }
  void truncate(std::size_t size) {
    for (std::size_t i = size; i < order_.size(); ++i) to_[order_[i]] = 0;
    order_.resize(size);
  }

 private:
  std::vector<std::uint32_t> to_;
  std::vector<std::uint32_t> order_;
};

class ProfileTables {
 public:
  // `dictionary` stays where it is as long as this; null: every index is written as 0.
  explicit ProfileTables(const ProfileDictionary* dictionary);

  // Whatever these refer to is used as well.
  void use_string(std::uint32_t i);
  void use_stack(std::uint32_t i);
  void use_link(std::uint32_t i);
  void use_attributes(const std::vector<std::uint32_t>& list);

  std::uint32_t string(std::uint32_t i) const { return strings_[i]; }
  std::uint32_t stack(std::uint32_t i) const { return stacks_[i]; }
  std::uint32_t link(std::uint32_t i) const { return links_[i]; }
  // A packed field of attribute indices.
  std::size_t attributes_size(const std::vector<std::uint32_t>& list) const;
  void write_attributes(Writer& out, std::uint32_t field, const std::vector<std::uint32_t>& list) const;

  // ProfilesDictionary, without its tag and length.
  std::size_t size() const { return bytes_; }
  void write(Writer& out) const;

  // What was used since mark() is unused again after revert().
  void mark();
  void revert();

 private:
  static constexpr std::size_t kTables = 7;
  static constexpr std::size_t kEmptyBytes = kTables * 2;  // the zero value of each

  void use_mapping(std::uint32_t i);
  void use_function(std::uint32_t i);
  void use_location(std::uint32_t i);

  std::string_view text(std::uint32_t i) const;
  std::size_t mapping_size(const ProfileMapping& mapping) const;
  std::size_t function_size(const ProfileFunction& function) const;
  std::size_t line_size(const ProfileLine& line) const;
  std::size_t location_size(const ProfileLocation& location) const;
  std::size_t stack_size(const ProfileStack& stack) const;
  std::size_t attribute_size(std::uint32_t i) const;
  void write_mapping(Writer& out, const ProfileMapping& mapping) const;
  void write_function(Writer& out, const ProfileFunction& function) const;
  void write_location(Writer& out, const ProfileLocation& location) const;
  void write_attribute(Writer& out, std::uint32_t i) const;

  std::array<Renumbering*, kTables> tables() {
    return {&mappings_, &locations_, &functions_, &links_, &strings_, &attributes_, &stacks_};
  }

  // An attribute's value with valid text only.
  const Value& value(std::uint32_t i) const;

  ProfileDictionary nothing_;
  const ProfileDictionary& dictionary_;
  Renumbering mappings_, locations_, functions_, links_, strings_, attributes_, stacks_;
  std::size_t bytes_ = kEmptyBytes;
  std::array<std::size_t, kTables> marks_{};
  std::size_t marked_bytes_ = kEmptyBytes;
  std::unordered_map<std::uint32_t, std::string> mended_;   // strings that were not valid UTF-8
  std::unordered_map<std::uint32_t, Value> mended_values_;  // values of attributes, likewise
};

// A packed field of indices, renumbered; nothing for none.
std::size_t packed_indices_size(const std::vector<std::uint32_t>& list, const Renumbering& table);
void write_packed_indices(Writer& out, std::uint32_t field, const std::vector<std::uint32_t>& list,
                          const Renumbering& table);

}  // namespace telegen::otlp
