// A map of at most so many entries, which forgets the one that was used longest ago. One thread.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>

namespace telegen {

template <class Key, class Value, class Hash = std::hash<Key>>
class LruMap {
 public:
  explicit LruMap(std::size_t most) : most_(most) {}

  // Null where it is not there. What is found becomes the one used last. Valid until it is forgotten.
  Value* find(const Key& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }

  // `key` must not be there. Returns what was forgotten for it.
  std::optional<Value> insert(const Key& key, Value value) {
    std::optional<Value> forgotten;
    if (places_.size() >= most_) {
      forgotten = std::move(entries_.back().second);
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, std::move(value));
    places_.emplace(key, entries_.begin());
    return forgotten;
  }

  std::size_t size() const { return places_.size(); }

 private:
  using Entries = std::list<std::pair<Key, Value>>;  // used last first
  std::size_t most_;
  Entries entries_;
  std::unordered_map<Key, typename Entries::iterator, Hash> places_;
};

}  // namespace telegen
