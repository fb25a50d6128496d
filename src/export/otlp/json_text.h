// The parts of OTLP/JSON that all signals share. Private to this folder.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "export/otlp/otlp.h"
#include "model/attribute.h"
#include "model/resource.h"

namespace telegen::otlp {

void json_text(std::string& out, std::string_view value);  // invalid UTF-8 becomes U+FFFD
void json_real(std::string& out, double value);
void json_hex(std::string& out, std::span<const std::uint8_t> bytes);
void json_value(std::string& out, const Value& value);  // an AnyValue

template <class Number>
void json_number(std::string& out, Number value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  out.append(buffer, error == std::errc() ? end : buffer);
}

// 64-bit integers are texts.
template <class Integer>
void json_quoted(std::string& out, Integer value) {
  out += '"';
  json_number(out, value);
  out += '"';
}

// The elements of an array, each as `write(element)` writes it.
template <class List, class Write>
void json_array(std::string& out, const List& list, const Write& write) {
  out += '[';
  bool first = true;
  for (const auto& element : list) {
    if (!first) out += ',';
    first = false;
    write(element);
  }
  out += ']';
}

template <class List>
void json_attributes(std::string& out, const List& list) {
  json_array(out, list, [&out](const auto& attribute) {
    out += R"({"key":)";
    json_text(out, attribute.key);
    out += R"(,"value":)";
    json_value(out, attribute.value);
    out += '}';
  });
}

// An object, field by field. Names are literals that need no escape.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }
  // Where the value of this field is to be written.
  std::string& field(std::string_view name) {
    if (!empty_) out_ += ',';
    empty_ = false;
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return out_;
  }
  void text(std::string_view name, std::string_view value) {
    if (!value.empty()) json_text(field(name), value);
  }
  void nanoseconds(std::string_view name, std::uint64_t value) { json_quoted(field(name), value); }
  template <class List>
  void attributes(std::string_view name, const List& list) {
    if (!list.empty()) json_attributes(field(name), list);
  }
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool empty_ = true;
};

// What the levels of a signal's request are called: "resourceSpans", "scopeSpans", "spans".
struct JsonLevels {
  std::string_view resources;
  std::string_view scopes;
  std::string_view items;
};

void json_scope(std::string& out, const Scope& scope);

// A request without a line break, grouped as the protobuf one is: by resource, in the order of their first items.
template <class Item, class Write>
std::string json_request(std::span<const Item> items, const Scope& scope, const JsonLevels& levels,
                         const Write& write) {
  std::vector<std::vector<const Item*>> groups;
  std::unordered_map<const Resource*, std::size_t> index;
  for (const Item& item : items) {
    const auto [it, is_new] = index.try_emplace(item.resource.get(), groups.size());
    if (is_new) groups.emplace_back();
    groups[it->second].push_back(&item);
  }
  std::string out;
  out.reserve(1024 + items.size() * 1536);
  JsonObject request(out);
  json_array(request.field(levels.resources), groups, [&](const std::vector<const Item*>& group) {
    JsonObject outer(out);
    JsonObject resource(outer.field("resource"));
    if (const Resource* own = group.front()->resource.get()) resource.attributes("attributes", own->attributes);
    resource.end();
    outer.field(levels.scopes) += '[';
    JsonObject inner(out);
    json_scope(inner.field("scope"), scope);
    json_array(inner.field(levels.items), group, [&](const Item* item) { write(out, *item); });
    inner.text("schemaUrl", kSchemaUrl);
    inner.end();
    out += ']';
    outer.text("schemaUrl", kSchemaUrl);
    outer.end();
  });
  request.end();
  return out;
}

}  // namespace telegen::otlp
