#include "export/otlp/profile_tables.h"

#include "export/otlp/sanitise.h"
#include "export/otlp/utf8.h"

namespace telegen::otlp {
namespace {

using wire::optional_varint_size;

std::size_t indices_content(const std::vector<std::uint32_t>& list, const Renumbering& table) {
  std::size_t size = 0;
  for (const std::uint32_t i : list) size += varint_size(table[i]);
  return size;
}

// int64 fields: a negative one takes ten bytes.
std::uint64_t unsigned_of(std::int64_t value) { return static_cast<std::uint64_t>(value); }

std::size_t link_size(const ProfileLink& link) {
  return bytes_field_size(link.trace_id.bytes.size()) + bytes_field_size(link.span_id.bytes.size());
}

// The zero value, then the entries in their new order.
template <class Entry, class Size, class Write>
void write_table(Writer& out, std::uint32_t field, const std::vector<Entry>& table, const Renumbering& used,
                 const Size& size, const Write& write) {
  out.begin(field, 0);
  for (const std::uint32_t i : used.order()) {
    out.begin(field, size(table[i]));
    write(table[i]);
  }
}

}  // namespace

std::size_t packed_indices_size(const std::vector<std::uint32_t>& list, const Renumbering& table) {
  return list.empty() ? 0 : bytes_field_size(indices_content(list, table));
}

void write_packed_indices(Writer& out, std::uint32_t field, const std::vector<std::uint32_t>& list,
                          const Renumbering& table) {
  if (list.empty()) return;
  out.begin(field, indices_content(list, table));
  for (const std::uint32_t i : list) out.varint(table[i]);
}

ProfileTables::ProfileTables(const ProfileDictionary* dictionary)
    : dictionary_(dictionary == nullptr ? nothing_ : *dictionary),
      mappings_(dictionary_.mappings.size()),
      locations_(dictionary_.locations.size()),
      functions_(dictionary_.functions.size()),
      links_(dictionary_.links.size()),
      strings_(dictionary_.strings.size()),
      attributes_(dictionary_.attributes.size()),
      stacks_(dictionary_.stacks.size()) {}

void ProfileTables::mark() {
  const auto all = tables();
  for (std::size_t i = 0; i < kTables; ++i) marks_[i] = all[i]->order().size();
  marked_bytes_ = bytes_;
}

void ProfileTables::revert() {
  const auto all = tables();
  for (std::size_t i = 0; i < kTables; ++i) all[i]->truncate(marks_[i]);
  bytes_ = marked_bytes_;
}

std::string_view ProfileTables::text(std::uint32_t i) const {
  const auto it = mended_.find(i);
  if (it != mended_.end()) return it->second;
  return dictionary_.strings[i];
}

const Value& ProfileTables::value(std::uint32_t i) const {
  const auto it = mended_values_.find(i);
  return it == mended_values_.end() ? dictionary_.attributes[i].value : it->second;
}

void ProfileTables::use_string(std::uint32_t i) {
  if (!strings_.add(i)) return;
  const std::string& given = dictionary_.strings[i];
  if (!valid_utf8(given)) mended_.emplace(i, to_valid_utf8(given));
  bytes_ += bytes_field_size(text(i).size());
}

void ProfileTables::use_link(std::uint32_t i) {
  if (links_.add(i)) bytes_ += bytes_field_size(link_size(dictionary_.links[i]));
}

void ProfileTables::use_attributes(const std::vector<std::uint32_t>& list) {
  for (const std::uint32_t i : list) {
    if (!attributes_.add(i)) continue;
    const ProfileAttribute& attribute = dictionary_.attributes[i];
    use_string(attribute.key);
    use_string(attribute.unit);
    if (!has_valid_text(attribute.value)) mended_values_.emplace(i, sanitised(attribute.value));
    bytes_ += bytes_field_size(attribute_size(i));
  }
}

void ProfileTables::use_mapping(std::uint32_t i) {
  if (!mappings_.add(i)) return;
  const ProfileMapping& mapping = dictionary_.mappings[i];
  use_string(mapping.filename);
  use_attributes(mapping.attributes);
  bytes_ += bytes_field_size(mapping_size(mapping));
}

void ProfileTables::use_function(std::uint32_t i) {
  if (!functions_.add(i)) return;
  const ProfileFunction& function = dictionary_.functions[i];
  use_string(function.name);
  use_string(function.system_name);
  use_string(function.filename);
  bytes_ += bytes_field_size(function_size(function));
}

void ProfileTables::use_location(std::uint32_t i) {
  if (!locations_.add(i)) return;
  const ProfileLocation& location = dictionary_.locations[i];
  use_mapping(location.mapping);
  for (const ProfileLine& line : location.lines) use_function(line.function);
  use_attributes(location.attributes);
  bytes_ += bytes_field_size(location_size(location));
}

void ProfileTables::use_stack(std::uint32_t i) {
  if (!stacks_.add(i)) return;
  const ProfileStack& stack = dictionary_.stacks[i];
  for (const std::uint32_t location : stack.locations) use_location(location);
  bytes_ += bytes_field_size(stack_size(stack));
}

std::size_t ProfileTables::attributes_size(const std::vector<std::uint32_t>& list) const {
  return packed_indices_size(list, attributes_);
}
void ProfileTables::write_attributes(Writer& out, std::uint32_t field, const std::vector<std::uint32_t>& list) const {
  write_packed_indices(out, field, list, attributes_);
}

// Mapping { memory_start = 1; memory_limit = 2; file_offset = 3; filename_strindex = 4; attribute_indices = 5; }
std::size_t ProfileTables::mapping_size(const ProfileMapping& mapping) const {
  return optional_varint_size(mapping.memory_start) + optional_varint_size(mapping.memory_limit) +
         optional_varint_size(mapping.file_offset) + optional_varint_size(strings_[mapping.filename]) +
         attributes_size(mapping.attributes);
}
void ProfileTables::write_mapping(Writer& out, const ProfileMapping& mapping) const {
  out.optional_varint(1, mapping.memory_start);
  out.optional_varint(2, mapping.memory_limit);
  out.optional_varint(3, mapping.file_offset);
  out.optional_varint(4, strings_[mapping.filename]);
  write_attributes(out, 5, mapping.attributes);
}

// Function { name_strindex = 1; system_name_strindex = 2; filename_strindex = 3; start_line = 4; }
std::size_t ProfileTables::function_size(const ProfileFunction& function) const {
  return optional_varint_size(strings_[function.name]) + optional_varint_size(strings_[function.system_name]) +
         optional_varint_size(strings_[function.filename]) + optional_varint_size(unsigned_of(function.start_line));
}
void ProfileTables::write_function(Writer& out, const ProfileFunction& function) const {
  out.optional_varint(1, strings_[function.name]);
  out.optional_varint(2, strings_[function.system_name]);
  out.optional_varint(3, strings_[function.filename]);
  out.optional_varint(4, unsigned_of(function.start_line));
}

// Line { function_index = 1; line = 2; column = 3; }
std::size_t ProfileTables::line_size(const ProfileLine& line) const {
  return optional_varint_size(functions_[line.function]) + optional_varint_size(unsigned_of(line.line)) +
         optional_varint_size(unsigned_of(line.column));
}

// Location { mapping_index = 1; address = 2; lines = 3; attribute_indices = 4; }
std::size_t ProfileTables::location_size(const ProfileLocation& location) const {
  std::size_t size = optional_varint_size(mappings_[location.mapping]) + optional_varint_size(location.address);
  for (const ProfileLine& line : location.lines) size += bytes_field_size(line_size(line));
  return size + attributes_size(location.attributes);
}
void ProfileTables::write_location(Writer& out, const ProfileLocation& location) const {
  out.optional_varint(1, mappings_[location.mapping]);
  out.optional_varint(2, location.address);
  for (const ProfileLine& line : location.lines) {
    out.begin(3, line_size(line));
    out.optional_varint(1, functions_[line.function]);
    out.optional_varint(2, unsigned_of(line.line));
    out.optional_varint(3, unsigned_of(line.column));
  }
  write_attributes(out, 4, location.attributes);
}

std::size_t ProfileTables::stack_size(const ProfileStack& stack) const {
  return packed_indices_size(stack.locations, locations_);
}

// KeyValueAndUnit { key_strindex = 1; AnyValue value = 2; unit_strindex = 3; }
std::size_t ProfileTables::attribute_size(std::uint32_t i) const {
  const ProfileAttribute& attribute = dictionary_.attributes[i];
  return optional_varint_size(strings_[attribute.key]) + bytes_field_size(value_size(value(i))) +
         optional_varint_size(strings_[attribute.unit]);
}
void ProfileTables::write_attribute(Writer& out, std::uint32_t i) const {
  const ProfileAttribute& attribute = dictionary_.attributes[i];
  out.optional_varint(1, strings_[attribute.key]);
  out.begin(2, value_size(value(i)));
  write_value(out, value(i));
  out.optional_varint(3, strings_[attribute.unit]);
}

void ProfileTables::write(Writer& out) const {
  write_table(
      out, 1, dictionary_.mappings, mappings_, [&](const auto& m) { return mapping_size(m); },
      [&](const auto& m) { write_mapping(out, m); });
  write_table(
      out, 2, dictionary_.locations, locations_, [&](const auto& l) { return location_size(l); },
      [&](const auto& l) { write_location(out, l); });
  write_table(
      out, 3, dictionary_.functions, functions_, [&](const auto& f) { return function_size(f); },
      [&](const auto& f) { write_function(out, f); });
  write_table(out, 4, dictionary_.links, links_, link_size, [&](const ProfileLink& link) {
    out.bytes(1, text_of(link.trace_id));
    out.bytes(2, text_of(link.span_id));
  });
  out.begin(5, 0);
  for (const std::uint32_t i : strings_.order()) out.bytes(5, text(i));
  out.begin(6, 0);
  for (const std::uint32_t i : attributes_.order()) {
    out.begin(6, attribute_size(i));
    write_attribute(out, i);
  }
  write_table(
      out, 7, dictionary_.stacks, stacks_, [&](const auto& s) { return stack_size(s); },
      [&](const auto& s) { write_packed_indices(out, 1, s.locations, locations_); });
}

}  // namespace telegen::otlp
