// An export request of any signal, as its items are added: all four have the same shape, a list of resources (field 1),
// each with one scope, each with its items (field 2). Private to this folder.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "export/otlp/sanitise.h"
#include "export/otlp/values.h"

namespace telegen::otlp {

// What a signal adds to that. `size` is called once an item that is added and `write` for those that stayed, in the
// order of groups. A codec whose items share a table says how large that is after each `size`, and takes back what the
// last one added to it where the item turns out not to fit.
struct IndependentItems {
  static constexpr std::size_t shared_size() { return 0; }
  static void revert() {}
  static void write_shared(Writer&) {}
};

template <class Codec>
class Request {
 public:
  using Item = typename Codec::Item;

  Request(const Scope& scope, Codec& codec) : scope_(scope), codec_(codec), scope_bytes_(scope_size(scope_)) {}

  // False: the request would be larger than `max_bytes`; nothing changed.
  bool add(const Item& given, std::size_t max_bytes) {
    const Item* item = has_valid_text(given) ? &given : &items_.emplace_back(sanitised(given));
    const std::size_t size = codec_.size(*item);
    const std::size_t needed = bound_ + bytes_field_size(size) + codec_.shared_size();
    if (needed > max_bytes) return refuse();
    Group* group = find(given.resource.get());
    if (group == nullptr) {
      const Resource& resource = valid_resource(given.resource.get());
      const std::size_t bytes = resource_size(resource);
      const std::size_t overhead = group_overhead(bytes);
      if (needed + overhead > max_bytes) return refuse();
      group = append_group(given.resource.get(), resource, bytes);
      bound_ += overhead;
    }
    bound_ += bytes_field_size(size);
    append(*group, *item, size);
    return true;
  }

  std::size_t count() const { return entries_.size(); }

  std::string write() const {
    std::size_t total = codec_.shared_size();
    for (const Group& group : groups_) total += bytes_field_size(group_size(group));
    std::string body;
    body.resize_and_overwrite(total, [this](char* out, std::size_t) {
      Writer writer(out);
      for (const Group& group : groups_) write_group(writer, group);
      codec_.write_shared(writer);
      return static_cast<std::size_t>(writer.position() - out);
    });
    return body;
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Entry {
    const Item* item;
    std::size_t size;
    std::uint32_t next = kNone;  // of the same group
  };

  // The items of one resource, in order.
  struct Group {
    const Resource* resource;
    std::size_t resource_bytes;
    std::size_t item_bytes = 0;
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
  };

  bool refuse() {
    codec_.revert();
    return false;
  }

  Group* find(const Resource* key) {
    if (!groups_.empty() && last_key_ == key) return &groups_[last_group_];
    const auto it = index_.find(key);
    if (it == index_.end()) return nullptr;
    last_key_ = key;
    last_group_ = it->second;
    return &groups_[last_group_];
  }

  const Resource& valid_resource(const Resource* given) {
    if (given == nullptr) return empty_;
    if (has_valid_text(*given)) return *given;
    return resources_.emplace_back(sanitised(*given));
  }

  Group* append_group(const Resource* key, const Resource& resource, std::size_t bytes) {
    last_key_ = key;
    last_group_ = static_cast<std::uint32_t>(groups_.size());
    index_.emplace(key, last_group_);
    return &groups_.emplace_back(Group{.resource = &resource, .resource_bytes = bytes});
  }

  void append(Group& group, const Item& item, std::size_t size) {
    const auto at = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back({&item, size});
    if (group.last == kNone) {
      group.first = at;
    } else {
      entries_[group.last].next = at;
    }
    group.last = at;
    group.item_bytes += bytes_field_size(size);
  }

  // ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; string schema_url = 3; } and its like
  std::size_t scope_items_size(std::size_t item_bytes) const {
    return bytes_field_size(scope_bytes_) + item_bytes + bytes_field_size(kSchemaUrl.size());
  }
  // ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; } and its like
  std::size_t group_size(const Group& group) const {
    return bytes_field_size(group.resource_bytes) + bytes_field_size(scope_items_size(group.item_bytes)) +
           bytes_field_size(kSchemaUrl.size());
  }
  // Everything of a group but its items, with the longest forms of the two lengths that are not known yet.
  std::size_t group_overhead(std::size_t resource_bytes) const {
    constexpr std::size_t kTagAndLength = 1 + 5;
    return kTagAndLength + bytes_field_size(resource_bytes) + kTagAndLength + scope_items_size(0) +
           bytes_field_size(kSchemaUrl.size());
  }

  void write_group(Writer& out, const Group& group) const {
    out.begin(1, group_size(group));
    out.begin(1, group.resource_bytes);
    write_resource(out, *group.resource);
    out.begin(2, scope_items_size(group.item_bytes));
    out.begin(1, scope_bytes_);
    write_scope(out, scope_);
    for (std::uint32_t i = group.first; i != kNone; i = entries_[i].next) {
      out.begin(2, entries_[i].size);
      codec_.write(out, *entries_[i].item);
    }
    out.bytes(3, kSchemaUrl);
    out.bytes(3, kSchemaUrl);
  }

  const Scope& scope_;
  Codec& codec_;
  std::size_t scope_bytes_;
  std::size_t bound_ = 0;  // at least the size of the groups that write() makes
  std::vector<Entry> entries_;
  std::vector<Group> groups_;
  std::unordered_map<const Resource*, std::uint32_t> index_;
  const Resource* last_key_ = nullptr;
  std::uint32_t last_group_ = 0;
  Resource empty_;
  std::deque<Item> items_;          // those whose text had to be mended; addresses stay
  std::deque<Resource> resources_;  // likewise
};

// The longest run of leading items that fits; see Prefix.
template <class Codec>
Prefix encode_prefix(std::span<const typename Codec::Item> items, const Scope& scope, std::size_t max_bytes,
                     Codec& codec) {
  Prefix result;
  Request<Codec> request(scope, codec);
  for (const auto& item : items) {
    if (!request.add(item, max_bytes)) {
      if (request.count() != 0) break;  // it goes first in the next request
      ++result.oversized;
    }
    ++result.taken;
  }
  result.encoded = request.count();
  if (result.encoded != 0) result.body = request.write();
  return result;
}

}  // namespace telegen::otlp
