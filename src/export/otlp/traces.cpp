#include "export/otlp/traces.h"

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "export/otlp/fields.h"
#include "export/otlp/sanitise.h"
#include "export/otlp/wire.h"

namespace telegen::otlp {
namespace {

using wire::bytes_field_size;

constexpr std::uint32_t kNone = UINT32_MAX;

const Resource& empty_resource() {
  static const Resource empty;
  return empty;
}

struct Entry {
  const Span* span;
  std::size_t size;
  std::uint32_t next = kNone;  // of the same group
};

// The spans of one resource, in order.
struct Group {
  const Resource* resource;
  std::size_t resource_bytes;
  std::size_t span_bytes = 0;
  std::uint32_t first = kNone;
  std::uint32_t last = kNone;
};

// Collects spans until the request is full, then writes it in one go.
class Request {
 public:
  explicit Request(const Scope& scope) : scope_(scope), scope_bytes_(scope_size(scope_)) {}

  // False: the request would be larger than `max_bytes`; nothing changed.
  bool add(const Span& given, std::size_t max_bytes) {
    const Span* span = &given;
    if (!has_valid_text(given)) span = &spans_.emplace_back(sanitised(given));
    const std::size_t size = span_size(*span);
    const std::size_t field = bytes_field_size(size);
    if (bound_ + field > max_bytes) return false;
    Group* group = find(given.resource.get());
    if (group == nullptr) {
      const Resource& resource = valid_resource(given.resource.get());
      const std::size_t bytes = resource_size(resource);
      const std::size_t overhead = group_overhead(bytes);
      if (bound_ + overhead + field > max_bytes) return false;
      group = append_group(given.resource.get(), resource, bytes);
      bound_ += overhead;
    }
    bound_ += field;
    append(*group, *span, size);
    return true;
  }

  std::size_t count() const { return entries_.size(); }

  std::string write() const {
    std::size_t total = 0;
    for (const Group& group : groups_) total += bytes_field_size(group_size(group));
    std::string body;
    body.resize_and_overwrite(total, [this](char* out, std::size_t size) {
      wire::Writer writer(out);
      for (const Group& group : groups_) write_group(writer, group);
      return size;
    });
    return body;
  }

 private:
  Group* find(const Resource* key) {
    if (!groups_.empty() && last_key_ == key) return &groups_[last_group_];
    const auto it = index_.find(key);
    if (it == index_.end()) return nullptr;
    last_key_ = key;
    last_group_ = it->second;
    return &groups_[last_group_];
  }

  const Resource& valid_resource(const Resource* given) {
    if (given == nullptr) return empty_resource();
    if (has_valid_text(*given)) return *given;
    return resources_.emplace_back(sanitised(*given));
  }

  Group* append_group(const Resource* key, const Resource& resource, std::size_t bytes) {
    last_key_ = key;
    last_group_ = static_cast<std::uint32_t>(groups_.size());
    index_.emplace(key, last_group_);
    return &groups_.emplace_back(Group{.resource = &resource, .resource_bytes = bytes});
  }

  void append(Group& group, const Span& span, std::size_t size) {
    const auto at = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back({&span, size});
    if (group.last == kNone) {
      group.first = at;
    } else {
      entries_[group.last].next = at;
    }
    group.last = at;
    group.span_bytes += bytes_field_size(size);
  }

  // ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; string schema_url = 3; }
  std::size_t scope_spans_size(std::size_t span_bytes) const {
    return bytes_field_size(scope_bytes_) + span_bytes + bytes_field_size(kSchemaUrl.size());
  }
  // ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
  std::size_t group_size(const Group& group) const {
    return bytes_field_size(group.resource_bytes) + bytes_field_size(scope_spans_size(group.span_bytes)) +
           bytes_field_size(kSchemaUrl.size());
  }
  // Everything of a group but its spans, with the longest forms of the two lengths that are not known yet.
  std::size_t group_overhead(std::size_t resource_bytes) const {
    constexpr std::size_t kTagAndLength = 1 + 5;
    return kTagAndLength + bytes_field_size(resource_bytes) + kTagAndLength + scope_spans_size(0) +
           bytes_field_size(kSchemaUrl.size());
  }

  void write_group(wire::Writer& out, const Group& group) const {
    out.begin(1, group_size(group));
    out.begin(1, group.resource_bytes);
    write_resource(out, *group.resource);
    out.begin(2, scope_spans_size(group.span_bytes));
    out.begin(1, scope_bytes_);
    write_scope(out, scope_);
    for (std::uint32_t i = group.first; i != kNone; i = entries_[i].next) {
      out.begin(2, entries_[i].size);
      write_span(out, *entries_[i].span);
    }
    out.bytes(3, kSchemaUrl);
    out.bytes(3, kSchemaUrl);
  }

  const Scope& scope_;
  std::size_t scope_bytes_;
  std::size_t bound_ = 0;  // at least the size of what write() makes
  std::vector<Entry> entries_;
  std::vector<Group> groups_;
  std::unordered_map<const Resource*, std::uint32_t> index_;
  const Resource* last_key_ = nullptr;
  std::uint32_t last_group_ = 0;
  std::deque<Span> spans_;          // those whose text had to be mended; addresses stay
  std::deque<Resource> resources_;  // likewise
};

}  // namespace

std::string encode_traces(std::span<const Span> spans, const Scope& scope) {
  Request request(scope);
  for (const Span& span : spans) request.add(span, SIZE_MAX);
  return request.write();
}

TracePrefix encode_traces_prefix(std::span<const Span> spans, const Scope& scope, std::size_t max_bytes) {
  TracePrefix result;
  Request request(scope);
  for (const Span& span : spans) {
    if (!request.add(span, max_bytes)) {
      if (request.count() != 0) break;  // it goes first in the next request
      ++result.oversized;
    }
    ++result.taken;
  }
  result.encoded = request.count();
  if (result.encoded != 0) result.body = request.write();
  return result;
}

std::size_t encode_traces_split(std::span<const Span> spans, const Scope& scope, std::size_t max_bytes,
                                const TraceSink& sink) {
  std::size_t oversized = 0;
  while (!spans.empty()) {
    TracePrefix prefix = encode_traces_prefix(spans, scope, max_bytes);
    oversized += prefix.oversized;
    if (prefix.encoded != 0) sink(std::move(prefix.body), prefix.encoded);
    spans = spans.subspan(prefix.taken);
  }
  return oversized;
}

}  // namespace telegen::otlp
