// Attribute::key is a view into static storage, and users invent keys. They are kept here, for as long as any span may
// live: the wiring makes one for the process and gives it to every SpanProcessor, the one after a reload included. It
// grows by the distinct keys of all configurations so far. One thread.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace telegen {

class AttributeKeys {
 public:
  std::string_view keep(std::string_view key) {
    const auto found = keys_.find(key);
    return found == keys_.end() ? *keys_.emplace(key).first : *found;
  }

 private:
  std::set<std::string, std::less<>> keys_;  // a node never moves
};

}  // namespace telegen
