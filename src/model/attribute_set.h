// The attributes of a series, shared by all its points: a million points of a thousand series hold a thousand sets.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "model/attribute.h"

namespace telegen {

// A text that follows from what it is kept beside, made when it is first asked for. Thread safe: where two make it at
// once, the first to finish wins.
class Memo {
 public:
  Memo() = default;
  ~Memo() { delete text_.load(std::memory_order_relaxed); }
  Memo(const Memo&) = delete;
  Memo& operator=(const Memo&) = delete;

  template <class Make>
  const std::string& get(const Make& make) const {
    if (const std::string* made = text_.load(std::memory_order_acquire)) return *made;
    auto fresh = std::make_unique<const std::string>(make());
    const std::string* expected = nullptr;
    if (text_.compare_exchange_strong(expected, fresh.get(), std::memory_order_acq_rel)) return *fresh.release();
    return *expected;
  }

 private:
  mutable std::atomic<const std::string*> text_{nullptr};
};

// Never changed once it is shared. Keys are distinct; their order has no meaning.
struct AttributeSet {
  AttributeSet() = default;
  explicit AttributeSet(OwnedAttributes list) : attributes(std::move(list)) {}

  OwnedAttributes attributes;
  Memo encoded;  // the encoder's: a series is sent again every interval, and its attributes are most of a point
};

// Shared because points outlive the series that they were read from. Null: no attributes.
using AttributeSetPtr = std::shared_ptr<const AttributeSet>;

}  // namespace telegen
