// The last spans, for the API and the UI.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "model/span.h"

namespace telegen {

// Batches are shared with the export that is going on, so that keeping them copies nothing; never changed after they
// are made.
using SharedSpans = std::shared_ptr<const std::vector<Span>>;

// Thread safe.
class RecentSpans {
 public:
  explicit RecentSpans(std::size_t capacity = 200) : capacity_(capacity) {}
  void add(SharedSpans batch);
  // At most `capacity` spans, oldest first.
  std::vector<Span> snapshot() const;
  // Holds no more than those from now on, in memory of its own: whole batches are up to a batch too many, and what is
  // left of a burst keeps the pages of all that was allocated with it. For a moment in which little comes.
  void tidy();

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<SharedSpans> batches_;  // as few as cover `capacity_` spans
  std::size_t spans_ = 0;
  bool tidy_ = true;
};

}  // namespace telegen
