#include "pipeline/recent_spans.h"

#include <unordered_map>
#include <utility>

namespace telegen {

void RecentSpans::add(SharedSpans batch) {
  if (capacity_ == 0 || batch == nullptr || batch->empty()) return;
  std::vector<SharedSpans> gone;  // destroyed outside of the lock
  const std::scoped_lock lock(mutex_);
  spans_ += batch->size();
  batches_.push_back(std::move(batch));
  tidy_ = false;
  while (spans_ - batches_.front()->size() >= capacity_) {
    spans_ -= batches_.front()->size();
    gone.push_back(std::move(batches_.front()));
    batches_.pop_front();
  }
}

std::vector<Span> RecentSpans::snapshot() const {
  std::deque<SharedSpans> batches;
  std::size_t skip = 0;
  {
    const std::scoped_lock lock(mutex_);
    batches = batches_;
    skip = spans_ > capacity_ ? spans_ - capacity_ : 0;
  }
  std::vector<Span> out;
  for (const SharedSpans& batch : batches) {
    for (const Span& span : *batch) {
      if (skip > 0) {
        --skip;
      } else {
        out.push_back(span);
      }
    }
  }
  return out;
}

void RecentSpans::tidy() {
  SharedSpans last;
  {
    const std::scoped_lock lock(mutex_);
    if (tidy_) return;
    last = batches_.back();
  }
  std::vector<Span> spans = snapshot();
  std::unordered_map<const Resource*, ResourcePtr> copies;
  for (Span& span : spans) {
    if (!span.resource) continue;
    ResourcePtr& copy = copies[span.resource.get()];
    if (!copy) copy = std::make_shared<const Resource>(*span.resource);
    span.resource = copy;
  }
  std::deque<SharedSpans> gone;  // destroyed outside of the lock
  const std::scoped_lock lock(mutex_);
  if (batches_.back() != last) return;  // another one came: next time
  spans_ = spans.size();
  gone.push_back(std::make_shared<const std::vector<Span>>(std::move(spans)));
  gone.swap(batches_);
  tidy_ = true;
}

}  // namespace telegen
