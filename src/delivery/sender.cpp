#include "delivery/sender.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace telegen {
namespace {

constexpr Duration kForever = std::chrono::hours(24 * 365);
constexpr Duration kExpiryTick = std::chrono::seconds(10);
constexpr Duration kToFinish = std::chrono::seconds(5);
constexpr int kMostPatience = 16;  // of a link so slow that requests do not fit into the timeout

}  // namespace

Sender::Sender(SenderPlan plan, SenderWorld world)
    : plan_(std::move(plan)),
      world_(std::move(world)),
      meters_{.outcomes = {},
              .retries =
                  world_.metrics.counter("telegen_export_retries_total", "Requests that a receiver could not take yet.",
                                         {{"destination", plan_.destination}}),
              .possible_duplicates = world_.metrics.counter(
                  "telegen_export_possible_duplicates_total",
                  "Items sent again after a request that went out and was not answered: they may arrive twice.",
                  {{"destination", plan_.destination}}),
              .duration = world_.metrics.histogram(
                  "telegen_export_duration_seconds", "How long requests took, whatever their outcome.",
                  {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}, {{"destination", plan_.destination}}),
              .circuit_open = world_.metrics.gauge("telegen_export_circuit_open",
                                                   "1 while no endpoint of the destination can be reached.",
                                                   {{"destination", plan_.destination}})} {
  constexpr std::array<const char*, 4> kOutcomes = {"accepted", "partial", "retry", "permanent"};
  for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
    meters_.outcomes[i] = &world_.metrics.counter("telegen_export_requests_total", "Requests sent, by their outcome.",
                                                  {{"destination", plan_.destination}, {"outcome", kOutcomes[i]}});
  }
  for (const MakeTransport& make : plan_.endpoints) endpoints_.push_back({make, Circuit(plan_.backoff)});
  for (std::size_t i = 0; i < plan_.concurrency; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

Sender::~Sender() { stop(world_.clock()); }

void Sender::run(const std::stop_token& stop) {
  ::pthread_setname_np(::pthread_self(), "sender");
  std::vector<std::unique_ptr<Transport>> transports(plan_.endpoints.size());  // connections of this thread
  while (const auto job = next_job(stop)) {
    auto& transport = transports[job->endpoint];
    if (!transport) {
      auto made = plan_.endpoints[job->endpoint]();
      if (!made) {
        conclude(*job, Retry{std::nullopt, made.error().message});
        continue;
      }
      transport = std::move(*made);
    }
    send(*transport, *job);
  }
}

// Blocks until there is something to send and somebody to send it to; nothing once it is to end.
std::optional<Sender::Job> Sender::next_job(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    const Time now = world_.clock();
    if (retiring_) return std::nullopt;
    if (stop.stop_requested() && (abandon_.stop_requested() || (busy_ == 0 && nothing_due()))) return std::nullopt;
    Time next = now + kExpiryTick;
    if (const auto endpoint = endpoint_to_try(now, next)) {
      if (auto job = take(*endpoint)) {
        endpoints_[*endpoint].circuit.begin();
        ++busy_;
        return job;
      }
    } else {
      for (const auto& source : plan_.sources) world_.store.expire(source.queue, now);
    }
    if (stop.stop_requested() && busy_ == 0 && nothing_due()) continue;
    const bool idle = all_empty() && !stop.stop_requested();
    if (idle) {  // any notification is a reason to look again
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, std::max(next - now, Duration(std::chrono::milliseconds(1))));
    }
  }
}

// The first endpoint in order that may be tried; else `next` is when one may be.
std::optional<std::size_t> Sender::endpoint_to_try(Time now, Time& next) {
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    const auto at = endpoints_[i].circuit.next_attempt();
    if (at && *at <= now) return i;
    if (at) next = std::min(next, *at);
  }
  return std::nullopt;
}

std::optional<Sender::Job> Sender::take(std::size_t endpoint) {
  const bool probing = !endpoints_[endpoint].circuit.closed();
  const bool answering = !probing && endpoints_[endpoint].answered;
  for (std::size_t i = 0; i < plan_.sources.size(); ++i) {
    const std::size_t source = (turn_ + i) % plan_.sources.size();
    if (auto taken = world_.store.take(plan_.sources[source].queue, world_.clock(), probing)) {
      turn_ = source + 1;
      return Job{*taken, source, endpoint, answering};
    }
  }
  return std::nullopt;
}

void Sender::send(Transport& transport, const Job& job) {
  auto bytes = world_.store.read(job.taken, kFramePrefix);
  if (!bytes) {
    complain(loss_log_, bytes.error().message, false);
    plan_.sources[job.source].ledger->dropped(DropCause::kDamaged, job.taken.info.items);
    world_.store.settle(job.taken);
    const std::scoped_lock lock(mutex_);
    --busy_;
    endpoints_[job.endpoint].circuit.try_now();
    changed_.notify_all();
    return;
  }
  Payload payload{plan_.sources[job.source].signal, job.taken.info.compression, std::move(*bytes)};
  SendContext context{.now = world_.wall_clock(), .time_limit = time_left(), .abandon = abandon_.get_token()};
  {
    const std::scoped_lock lock(mutex_);
    status_.endpoint = transport.authority();
    context.patience = endpoints_[job.endpoint].patience;
  }
  const Time begin = world_.clock();
  const SendOutcome outcome = transport.send(payload, context);
  meters_.duration.observe(std::chrono::duration<double>(world_.clock() - begin).count());
  conclude(job, outcome);
}

void Sender::conclude(const Job& job, const SendOutcome& outcome) {
  meters_.outcomes[outcome.index()]->add();
  if (const auto* retry = std::get_if<Retry>(&outcome)) return conclude_retry(job, *retry);
  Ledger& ledger = *plan_.sources[job.source].ledger;
  const std::uint64_t items = job.taken.info.items;
  const std::string signal(to_text(plan_.sources[job.source].signal));
  if (const auto* permanent = std::get_if<Permanent>(&outcome)) {
    ledger.dropped(DropCause::kRefused, items);
    complain(loss_log_, permanent->reason, false);
  } else if (const auto* partial = std::get_if<Partial>(&outcome)) {
    const std::uint64_t rejected = std::min(partial->rejected, items);
    ledger.dropped(DropCause::kRejected, rejected);
    ledger.exported(items - rejected);
    // With nothing rejected the message is the receiver's advice, which the specification wants shown as well.
    complain(loss_log_,
             "send to " + status().endpoint + ": the receiver rejected " + std::to_string(rejected) + " of " +
                 std::to_string(items) + " items of " + signal + ": " + partial->message,
             false);
  } else {
    ledger.exported(items);
  }
  world_.store.settle(job.taken);
  const std::scoped_lock lock(mutex_);
  --busy_;
  Endpoint& endpoint = endpoints_[job.endpoint];
  endpoint.circuit.succeeded();
  endpoint.answered = true;
  endpoint.patience = std::max(1, endpoint.patience / 2);
  status_.delivered = world_.clock();
  publish_reachable();
  changed_.notify_all();
}

void Sender::conclude_retry(const Job& job, const Retry& retry) {
  meters_.retries.add();
  if (retry.may_have_arrived) meters_.possible_duplicates.add(job.taken.info.items);
  complain(retry_log_, retry.reason, true);
  const bool unanswered = retry.may_have_arrived && !retry.was_slow;
  if (unanswered && job.answering && job.taken.unanswered + 1 >= kOftenUnanswered) {
    world_.store.set_aside(job.taken, world_.clock());
  } else {
    world_.store.put_back(job.taken, unanswered);
  }
  const std::scoped_lock lock(mutex_);
  --busy_;
  Endpoint& endpoint = endpoints_[job.endpoint];
  endpoint.circuit.failed(world_.clock(), retry.after, world_.random());
  if (retry.was_slow) endpoint.patience = std::min(endpoint.patience * 2, kMostPatience);
  publish_reachable();
  changed_.notify_all();
}

// Under the lock.
void Sender::publish_reachable() {
  const bool reachable = std::ranges::any_of(endpoints_, [](const Endpoint& each) { return each.circuit.closed(); });
  if (status_.reachable && !reachable) status_.unreachable_since = world_.clock();
  status_.reachable = reachable;
  meters_.circuit_open.set(reachable ? 0 : 1);
  for (const auto& source : plan_.sources) world_.store.set_reachable(source.queue, reachable);
}

bool Sender::all_empty() const {
  return std::ranges::all_of(plan_.sources, [this](const auto& source) { return world_.store.empty(source.queue); });
}

// Before it ends: what is set aside is not waited for.
bool Sender::nothing_due() const {
  const Time end = deadline_.value_or(Time{});
  return std::ranges::all_of(plan_.sources,
                             [&](const auto& source) { return world_.store.nothing_due(source.queue, end); });
}

void Sender::complain(RepeatedLog& log, const std::string& message, bool kept) {
  const Time now = world_.clock();
  const std::scoped_lock lock(mutex_);
  log.warn(now, kept ? message + "; what waits is kept and tried again" : message + "; what it held was dropped");
  status_.complaint = message;
  status_.complained = now;
}

Duration Sender::time_left() const {
  const std::scoped_lock lock(mutex_);
  if (!deadline_) return kForever;
  return std::max(*deadline_ - world_.clock(), Duration(std::chrono::milliseconds(1)));
}

void Sender::wake() {
  const std::scoped_lock lock(mutex_);  // so that it is not missed between looking and waiting
  changed_.notify_one();
}

void Sender::try_now() {
  const std::scoped_lock lock(mutex_);
  for (Endpoint& endpoint : endpoints_) endpoint.circuit.try_now();
  changed_.notify_all();
}

void Sender::stop(Time deadline) {
  if (threads_.empty()) return;
  for (std::jthread& thread : threads_) thread.request_stop();
  {
    std::unique_lock lock(mutex_);
    deadline_ = deadline;
    for (Endpoint& endpoint : endpoints_) endpoint.circuit.try_now();
    changed_.notify_all();
    const Duration left = deadline - world_.clock();
    changed_.wait_for(lock, std::max(left, Duration::zero()), [this] { return busy_ == 0 && nothing_due(); });
    abandon_.request_stop();
    changed_.notify_all();
  }
  threads_.clear();  // joins
}

void Sender::retire() {
  {
    std::unique_lock lock(mutex_);
    retiring_ = true;
    changed_.notify_all();
    // A request to a receiver that does not answer is not waited for, one over a slow link not for long.
    const Duration patience = status_.reachable ? kToFinish : Duration::zero();
    changed_.wait_for(lock, patience, [this] { return busy_ == 0; });
    abandon_.request_stop();
  }
  threads_.clear();  // joins
}

SenderStatus Sender::status() const {
  const std::scoped_lock lock(mutex_);
  return status_;
}

}  // namespace telegen
