#include "discovery/catalog_queue.h"

#include <utility>

namespace telegen {

CatalogQueue::Ticket CatalogQueue::push(Lane lane, CatalogRequest request) {
  Ticket ticket{lane, 0};
  {
    const std::scoped_lock lock(mutex_);
    State& queue = state(lane);
    if (queue.waiting.size() >= limit_) return ticket;
    if (request.kind == CatalogRequest::Kind::kLearn) to_learn_.insert(request.pid);
    queue.waiting.push_back(std::move(request));
    ticket.number = ++queue.pushed;
  }
  asked_.notify_one();
  return ticket;
}

std::array<CatalogQueue::Ticket, 2> CatalogQueue::last() const {
  const std::scoped_lock lock(mutex_);
  return {Ticket{Lane::kUrgent, lanes_[0].pushed}, Ticket{Lane::kPatient, lanes_[1].pushed}};
}

bool CatalogQueue::wait_until_done(Ticket ticket, Duration timeout) {
  std::unique_lock lock(mutex_);
  return done_.wait_for(lock, timeout, [&] { return state(ticket.lane).done >= ticket.number; });
}

bool CatalogQueue::wait(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  asked_.wait(lock, stop, [this] { return !lanes_[0].waiting.empty() || !lanes_[1].waiting.empty(); });
  return !stop.stop_requested();
}

std::optional<CatalogRequest> CatalogQueue::take(Lane lane) {
  const std::scoped_lock lock(mutex_);
  State& queue = state(lane);
  while (!queue.waiting.empty()) {
    CatalogRequest request = std::move(queue.waiting.front());
    queue.waiting.pop_front();
    if (request.kind != CatalogRequest::Kind::kLearn || to_learn_.erase(request.pid) > 0) return request;
    ++queue.finished;  // learned since
  }
  return std::nullopt;
}

bool CatalogQueue::take_learn(std::uint32_t pid) {
  const std::scoped_lock lock(mutex_);
  return to_learn_.erase(pid) > 0;
}

void CatalogQueue::finished(Lane lane) {
  const std::scoped_lock lock(mutex_);
  ++state(lane).finished;
}

void CatalogQueue::settle() {
  {
    const std::scoped_lock lock(mutex_);
    for (State& lane : lanes_) lane.done = lane.finished;
  }
  done_.notify_all();
}

}  // namespace telegen
