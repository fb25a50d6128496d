// The messages of common.proto and resource.proto that every signal carries: their sizes and their bytes. Private to
// this folder. A size function and its write function name the same fields in the same order.
#pragma once

#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include "export/otlp/otlp.h"
#include "export/otlp/wire.h"
#include "model/attribute_set.h"
#include "model/resource.h"

namespace telegen::otlp {

using wire::bytes_field_size;
using wire::varint_size;
using wire::Writer;

inline constexpr std::size_t kIdField = 2;  // tag and length, before the id's bytes
inline constexpr std::size_t kFixed64Field = 9;
inline constexpr std::size_t kFixed32Field = 5;

template <class Id>
std::string_view text_of(const Id& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

// ArrayValue { repeated AnyValue values = 1; }, each AnyValue { string string_value = 1; }
inline std::size_t array_size(const std::vector<std::string>& list) {
  std::size_t size = 0;
  for (const std::string& text : list) size += bytes_field_size(bytes_field_size(text.size()));
  return size;
}

// AnyValue: a oneof, so a default value is written as well. string 1, bool 2, int 3, double 4, array 5.
struct AnyValueSize {
  std::size_t operator()(bool) const { return 2; }
  std::size_t operator()(std::int64_t v) const { return 1 + varint_size(static_cast<std::uint64_t>(v)); }
  std::size_t operator()(double) const { return kFixed64Field; }
  std::size_t operator()(const std::string& v) const { return bytes_field_size(v.size()); }
  std::size_t operator()(const std::vector<std::string>& v) const { return bytes_field_size(array_size(v)); }
};

struct AnyValueWriter {
  Writer& out;
  void operator()(bool v) const { out.varint_field(2, v ? 1 : 0); }
  void operator()(std::int64_t v) const { out.varint_field(3, static_cast<std::uint64_t>(v)); }
  void operator()(double v) const { out.fixed64(4, std::bit_cast<std::uint64_t>(v)); }
  void operator()(const std::string& v) const { out.bytes(1, v); }
  void operator()(const std::vector<std::string>& v) const {
    out.begin(5, array_size(v));
    for (const std::string& text : v) {
      out.begin(1, bytes_field_size(text.size()));
      out.bytes(1, text);
    }
  }
};

// Nearly all values are text or an integer: looked at first, they need no jump through a table.
template <class Visitor>
auto visit_value(const Visitor& visitor, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return visitor(*text);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return visitor(*number);
  return std::visit(visitor, value);
}

inline std::size_t value_size(const Value& value) { return visit_value(AnyValueSize{}, value); }

inline void write_value(Writer& out, const Value& value) { visit_value(AnyValueWriter{out}, value); }

// KeyValue { string key = 1; AnyValue value = 2; }
inline std::size_t key_value_size(std::string_view key, const Value& value) {
  return bytes_field_size(key.size()) + bytes_field_size(value_size(value));
}

template <class List>
std::size_t attributes_size(const List& attributes) {
  std::size_t size = 0;
  for (const auto& attribute : attributes) size += bytes_field_size(key_value_size(attribute.key, attribute.value));
  return size;
}

template <class List>
void write_attributes(Writer& out, std::uint32_t field, const List& attributes) {
  for (const auto& attribute : attributes) {
    const std::size_t value = value_size(attribute.value);
    out.begin(field, bytes_field_size(attribute.key.size()) + bytes_field_size(value));
    out.bytes(1, attribute.key);
    out.begin(2, value);
    write_value(out, attribute.value);
  }
}

inline std::size_t optional_text_size(const std::string& text) {
  return text.empty() ? 0 : bytes_field_size(text.size());
}
inline void write_optional_text(Writer& out, std::uint32_t field, std::string_view text) {
  if (!text.empty()) out.bytes(field, text);
}

// A set's attributes, each as a field with this number: made once a set, and the tags changed where the number differs.
inline constexpr std::uint32_t kEncodedAttributesField = 7;
const std::string& encoded_attributes(const AttributeSet& set);
void write_encoded_attributes(Writer& out, std::uint32_t field, const std::string& encoded);

std::size_t resource_size(const Resource& resource);
void write_resource(Writer& out, const Resource& resource);

std::size_t scope_size(const Scope& scope);
void write_scope(Writer& out, const Scope& scope);

}  // namespace telegen::otlp
