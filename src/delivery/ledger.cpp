#include "delivery/ledger.h"

#include <numeric>

namespace telegen {
namespace {

constexpr std::array<std::string_view, kDropCauses> kCauseNames = {
    "filtered", "health_check", "sampled_out", "tail_sampled_out", "tail_buffer_full", "rate_limited", "queue_full",
    "expired",  "rejected",     "refused",     "oversized",        "damaged",          "shutdown"};

}  // namespace

std::string_view to_text(DropCause cause) { return kCauseNames[static_cast<std::size_t>(cause)]; }

std::uint64_t Accounting::dropped_in_all() const {
  return std::accumulate(dropped.begin(), dropped.end(), std::uint64_t{0});
}

void Ledger::receive(std::uint64_t items) {
  const std::scoped_lock lock(shared_.mutex);
  account_.received += items;
  account_.held += items;
}

void Ledger::recover(std::uint64_t items) {
  const std::scoped_lock lock(shared_.mutex);
  account_.received += items;
  account_.recovered += items;
  account_.held += items;
}

void Ledger::exported(std::uint64_t items) {
  {
    const std::scoped_lock lock(shared_.mutex);
    account_.exported += items;
    account_.held -= items;
  }
  shared_.settled.notify_all();
}

void Ledger::dropped(DropCause cause, std::uint64_t items) {
  if (items == 0) return;
  {
    const std::scoped_lock lock(shared_.mutex);
    account_.dropped[static_cast<std::size_t>(cause)] += items;
    account_.held -= items;
  }
  shared_.settled.notify_all();
}

Accounting Ledger::read() const {
  const std::scoped_lock lock(shared_.mutex);
  return account_;
}

bool Ledger::wait_settled(Duration timeout) const {
  std::unique_lock lock(shared_.mutex);
  const std::uint64_t target = account_.received;
  return shared_.settled.wait_for(lock, timeout, [&] { return settled() >= target; });
}

Ledger& SignalLedgers::destination(const std::string& name) {
  const std::scoped_lock lock(shared_.mutex);
  std::unique_ptr<Ledger>& ledger = destinations_[name];
  if (!ledger) ledger = std::make_unique<Ledger>(shared_);
  return *ledger;
}

void SignalLedgers::forward(std::uint64_t items, const std::vector<Ledger*>& to) {
  {
    const std::scoped_lock lock(shared_.mutex);
    pipeline_.account_.exported += items;
    pipeline_.account_.held -= items;
    for (Ledger* ledger : to) {
      ledger->account_.received += items;
      ledger->account_.held += items;
    }
  }
  shared_.settled.notify_all();
}

void SignalLedgers::settle_at(Ledger& ledger, std::uint64_t items, bool taken) {
  {
    const std::scoped_lock lock(shared_.mutex);
    pipeline_.account_.exported += items;
    pipeline_.account_.held -= items;
    ledger.account_.received += items;
    auto& what =
        taken ? ledger.account_.exported : ledger.account_.dropped[static_cast<std::size_t>(DropCause::kRefused)];
    what += items;
  }
  shared_.settled.notify_all();
}

SignalLedgers::Snapshot SignalLedgers::read() const {
  const std::scoped_lock lock(shared_.mutex);
  Snapshot snapshot{.pipeline = pipeline_.account_, .destinations = {}};
  for (const auto& [name, ledger] : destinations_) snapshot.destinations.push_back({name, ledger->account_});
  return snapshot;
}

}  // namespace telegen
