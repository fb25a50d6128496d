#include "tracing/parents.h"

#include <algorithm>

namespace telegen {

void LocalExchanges::open(std::uint64_t key, const TraceContext& client) {
  if (contexts_.insert_or_assign(key, client).second) order_.push_back(key);
  if (order_.size() > 2 * contexts_.size() + kWorthTidying) {
    std::erase_if(order_, [this](std::uint64_t one) { return !contexts_.contains(one); });
  }
  while (order_.size() > limit_) {
    contexts_.erase(order_.front());
    order_.pop_front();
  }
}

void LocalExchanges::close(std::uint64_t key) { contexts_.erase(key); }

const TraceContext* LocalExchanges::find(std::uint64_t key) const {
  const auto found = contexts_.find(key);
  return found == contexts_.end() ? nullptr : &found->second;
}

void ThreadActivity::serving(std::uint32_t thread, std::uint64_t connection, std::uint64_t number, Time now) {
  Thread& state = threads_[thread];
  if (state.open.size() >= kMostOpen) state.open.erase(state.open.begin());
  state.open.push_back({{connection, number}, now});
  state.read_directly_before = true;
}

void ThreadActivity::served(std::uint32_t thread, std::uint64_t connection, std::uint64_t number) {
  const auto found = threads_.find(thread);
  if (found == threads_.end()) return;
  Thread& state = found->second;
  const auto request = std::ranges::find_if(
      state.open, [&](const Open& open) { return open.what.connection == connection && open.what.number == number; });
  if (request == state.open.end()) return;
  if (std::next(request) == state.open.end()) state.read_directly_before = false;
  state.open.erase(request);
  if (state.open.empty()) threads_.erase(found);
}

void ThreadActivity::other_activity(std::uint32_t thread) {
  const auto found = threads_.find(thread);
  if (found != threads_.end()) found->second.read_directly_before = false;
}

std::optional<ThreadActivity::Serving> ThreadActivity::cause(std::uint32_t thread, Time now) {
  const auto found = threads_.find(thread);
  if (found == threads_.end()) return std::nullopt;
  Thread& state = found->second;
  if (state.open.size() != 1 && !state.read_directly_before) return std::nullopt;
  Open& open = state.open.back();
  if (now - open.since > kLongestParent || open.children >= kMostChildren) return std::nullopt;
  ++open.children;
  return open.what;
}

}  // namespace telegen
