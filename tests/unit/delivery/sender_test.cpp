#include "delivery/sender.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "helpers.h"

namespace telegen {
namespace {

using namespace testing;

// A receiver that does as it is told.
struct Receiver {
  std::mutex mutex;
  std::function<SendOutcome(const Payload&, const SendContext&)> behave;
  std::vector<std::uint32_t> got;  // the number that each payload holds
  std::atomic<int> attempts = 0;
  std::atomic<int> under_way = 0;
  std::atomic<int> most_under_way = 0;
};

class ScriptedTransport final : public Transport {
 public:
  ScriptedTransport(Receiver& receiver, std::string name) : receiver_(receiver), name_(std::move(name)) {}
  std::string_view authority() const override { return name_; }
  SendOutcome send(Payload& payload, const SendContext& context) override {
    ++receiver_.attempts;
    const int now = ++receiver_.under_way;
    receiver_.most_under_way = std::max(receiver_.most_under_way.load(), now);
    SendOutcome outcome = Accepted{};
    std::function<SendOutcome(const Payload&, const SendContext&)> behave;
    {
      const std::scoped_lock lock(receiver_.mutex);
      behave = receiver_.behave;
    }
    if (behave) outcome = behave(payload, context);
    --receiver_.under_way;
    const std::scoped_lock lock(receiver_.mutex);
    if (outcome.index() < 2) receiver_.got.push_back(std::stoul(payload.bytes.substr(kFramePrefix)));
    return outcome;
  }

 private:
  Receiver& receiver_;
  std::string name_;
};

SendOutcome unanswered(const Payload&, const SendContext&) {
  return Retry{.after = std::nullopt, .reason = "send to h:1: no answer within 10 ms", .may_have_arrived = true};
}

SendOutcome refused(const Payload&, const SendContext&) {
  return Retry{std::nullopt, "connect h:1: Connection refused"};
}

struct Rig {
  OwnMemory memory;
  StoreRig store{memory};
  Receiver first;
  Receiver second;

  std::unique_ptr<Sender> start(std::size_t endpoints = 1, std::size_t concurrency = 1) {
    SenderPlan plan{.destination = "otlp",
                    .endpoints = {[this] { return made(first, "first:1"); }},
                    .concurrency = concurrency,
                    .backoff = {.initial = 10ms, .max = 40ms, .multiplier = 2, .jitter = 0},
                    .sources = {{Signal::kTraces, store.queue, &store.ledger}}};
    if (endpoints == 2) plan.endpoints.emplace_back([this] { return made(second, "second:1"); });
    return std::make_unique<Sender>(
        std::move(plan), SenderWorld{*store.store, store.metrics, monotonic_now, unix_now, [] { return 1ULL << 63; }});
  }
  static Result<std::unique_ptr<Transport>> made(Receiver& receiver, const std::string& name) {
    return std::make_unique<ScriptedTransport>(receiver, name);
  }
  void append(std::uint32_t number, Sender& sender) {
    store.ledger.receive(1);
    EncodedRequest request = request_of(1, 0, monotonic_now());
    request.bytes = std::to_string(number);
    store.store->append(store.queue, request, {monotonic_now(), unix_now()});
    sender.wake();
  }
  bool wait_for(const std::function<bool(const Accounting&)>& done) {
    for (int i = 0; i < 1000; ++i) {
      if (done(store.ledger.read())) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  bool exported(std::uint64_t items) {
    return wait_for([items](const Accounting& a) { return a.exported == items; });
  }
};

std::vector<std::uint32_t> up_to(std::uint32_t last) {
  std::vector<std::uint32_t> all(last);
  for (std::uint32_t i = 0; i < last; ++i) all[i] = i + 1;
  return all;
}

constexpr BackoffSettings kDoubling{.initial = 1s, .max = 60s, .multiplier = 2, .jitter = 0};

Time at(Duration d) { return Time{} + d; }

TEST(Circuit, RequestsThatFailTogetherLengthenTheWaitOnce) {
  Circuit circuit(kDoubling);
  for (int i = 0; i < 4; ++i) circuit.failed(at(100s), {}, 0);  // four were under way
  EXPECT_EQ(circuit.next_attempt(), at(101s));
  circuit.begin();
  EXPECT_EQ(circuit.next_attempt(), std::nullopt) << "one at a time tries a receiver that is away";
  circuit.failed(at(101s), {}, 0);
  EXPECT_EQ(circuit.next_attempt(), at(103s));
}

TEST(Circuit, WaitsForWhatWasAskedAndBeginsAnewAfterASuccess) {
  Circuit circuit(kDoubling);
  circuit.failed(at(100s), 30s, 0);
  EXPECT_EQ(circuit.next_attempt(), at(130s));
  circuit.failed(at(110s), 5s, 0);  // of another request, which was under way as well
  EXPECT_EQ(circuit.next_attempt(), at(130s)) << "the longest that was asked";
  circuit.begin();
  circuit.succeeded();
  EXPECT_TRUE(circuit.closed());
  circuit.failed(at(200s), {}, 0);
  EXPECT_EQ(circuit.next_attempt(), at(201s)) << "as at first";
}

TEST(Sender, SendsInOrder) {
  Rig rig;
  const auto sender = rig.start();
  for (std::uint32_t i = 1; i <= 50; ++i) rig.append(i, *sender);
  ASSERT_TRUE(rig.exported(50));
  EXPECT_EQ(rig.first.got, up_to(50));
  EXPECT_TRUE(sender->status().reachable);
  EXPECT_GT(sender->status().delivered.ns, 0U);
  EXPECT_EQ(rig.store.store->figures(rig.store.queue).requests, 0U);
}

TEST(Sender, TriesAgainUntilItIsTakenInOrderAndNothingTwice) {
  Rig rig;
  rig.first.behave = refused;
  const auto sender = rig.start();
  for (std::uint32_t i = 1; i <= 5; ++i) rig.append(i, *sender);
  ASSERT_TRUE(rig.wait_for([&](const Accounting&) { return rig.first.attempts >= 3; }));
  EXPECT_FALSE(sender->status().reachable);
  EXPECT_EQ(sender->status().complaint, "connect h:1: Connection refused");
  EXPECT_EQ(rig.store.ledger.read().held, 5U);
  {
    const std::scoped_lock lock(rig.first.mutex);
    rig.first.behave = {};
  }
  ASSERT_TRUE(rig.exported(5));
  EXPECT_EQ(rig.first.got, up_to(5));
  EXPECT_TRUE(sender->status().reachable);
}

TEST(Sender, ARequestThatIsNeverAnsweredDoesNotHoldUpTheOthers) {
  Rig rig;
  rig.first.behave = [](const Payload& payload, const SendContext&) -> SendOutcome {
    if (payload.bytes.substr(kFramePrefix) == "3") return unanswered(payload, {});
    return Accepted{};
  };
  const auto sender = rig.start();
  for (std::uint32_t i = 1; i <= 40; ++i) rig.append(i, *sender);
  ASSERT_TRUE(rig.exported(39));
  const int attempts = rig.first.attempts;
  EXPECT_LE(attempts, 39 + 2 * static_cast<int>(kOftenUnanswered));
  EXPECT_EQ(rig.store.ledger.read().held, 1U);
  rig.append(41, *sender);
  ASSERT_TRUE(rig.exported(40));
  EXPECT_EQ(rig.first.attempts, attempts + 1) << "it is tried seldom now";
  const Time begin = monotonic_now();
  sender->stop(begin + 10s);
  EXPECT_LT(monotonic_now() - begin, 5s) << "nor is it waited for at the end";
  EXPECT_EQ(rig.store.ledger.read().held, 1U);
  EXPECT_TRUE(rig.store.ledger.read().balanced());
}

// One that asks for patience every other time says nothing about what it was sent.
TEST(Sender, AReceiverThatIsBusyGetsAllInOrderAndNothingIsSetAside) {
  Rig rig;
  std::atomic<int> asked = 0;
  rig.first.behave = [&](const Payload&, const SendContext&) -> SendOutcome {
    if (++asked % 7 == 0) return Accepted{};
    return Retry{Duration(1ms), "send to h:1: HTTP 429"};
  };
  const auto sender = rig.start();
  for (std::uint32_t i = 1; i <= 20; ++i) rig.append(i, *sender);
  ASSERT_TRUE(rig.exported(20));
  EXPECT_EQ(rig.first.got, up_to(20));
}

// Nor by a sender that is made anew meanwhile, as another configuration does: it was never answered itself.
TEST(Sender, AfterALongSilenceNobodyIsSetAside) {
  Rig rig;
  rig.first.behave = unanswered;
  auto sender = rig.start();
  for (std::uint32_t i = 1; i <= 40; ++i) rig.append(i, *sender);
  for (int life = 1; life <= 3; ++life) {
    const int attempts = 4 * static_cast<int>(kOftenUnanswered) * life;
    ASSERT_TRUE(rig.wait_for([&](const Accounting&) { return rig.first.attempts >= attempts; }));
    sender->retire();
    sender = rig.start();
  }
  {
    const std::scoped_lock lock(rig.first.mutex);
    rig.first.behave = {};
  }
  ASSERT_TRUE(rig.exported(40));
  const auto late = std::ranges::find(rig.first.got, 1U);
  EXPECT_LE(late - rig.first.got.begin(), 3) << "at most those that were tried in its place came before it";
  std::ranges::sort(rig.first.got);
  EXPECT_EQ(rig.first.got, up_to(40));
}

TEST(Sender, ADeadReceiverCostsOneAttemptInTheLongestWait) {
  Rig rig;
  rig.first.behave = refused;
  const auto sender = rig.start(1, 4);
  for (std::uint32_t i = 1; i <= 100; ++i) rig.append(i, *sender);
  std::this_thread::sleep_for(500ms);
  EXPECT_LE(rig.first.attempts, 4 + 500 / 40 + 3) << "those under way together at first, then one at a time";
  EXPECT_GE(rig.first.attempts, 3);
}

TEST(Sender, WaitsAsLongAsTheReceiverAsks) {
  Rig rig;
  rig.first.behave = [&](const Payload&, const SendContext&) -> SendOutcome {
    if (rig.first.attempts > 1) return Accepted{};
    return Retry{300ms, "HTTP 429"};
  };
  const Time begin = monotonic_now();
  const auto sender = rig.start();
  rig.append(1, *sender);
  ASSERT_TRUE(rig.exported(1));
  EXPECT_GE(monotonic_now() - begin, Duration(300ms));
}

TEST(Sender, PartialAndPermanentAreDoneWithAndCounted) {
  Rig rig;
  rig.first.behave = [&](const Payload&, const SendContext&) -> SendOutcome {
    if (rig.first.attempts == 1) return Partial{1, "too many"};
    if (rig.first.attempts == 2) return Permanent{"HTTP 400"};
    return Partial{900, "more than there were"};
  };
  const auto sender = rig.start();
  for (std::uint32_t i = 1; i <= 3; ++i) rig.append(i, *sender);
  ASSERT_TRUE(rig.wait_for([](const Accounting& a) { return a.held == 0; }));
  const Accounting account = rig.store.ledger.read();
  EXPECT_EQ(account.dropped_by(DropCause::kRejected), 2U);
  EXPECT_EQ(account.dropped_by(DropCause::kRefused), 1U);
  EXPECT_TRUE(account.balanced());
}

TEST(Sender, GoesOverToTheNextEndpointAndBack) {
  Rig rig;
  rig.first.behave = refused;
  const auto sender = rig.start(2);
  for (std::uint32_t i = 1; i <= 20; ++i) rig.append(i, *sender);
  ASSERT_TRUE(rig.exported(20));
  EXPECT_EQ(rig.second.got, up_to(20));
  EXPECT_TRUE(sender->status().reachable);
  {
    const std::scoped_lock lock(rig.first.mutex);
    rig.first.behave = {};
  }
  std::this_thread::sleep_for(60ms);  // the longest wait
  for (std::uint32_t i = 21; i <= 25; ++i) rig.append(i, *sender);
  ASSERT_TRUE(rig.exported(25));
  EXPECT_EQ(rig.first.got, (std::vector<std::uint32_t>{21, 22, 23, 24, 25}));
}

TEST(Sender, AsManyUnderWayAsConfigured) {
  Rig rig;
  rig.first.behave = [](const Payload&, const SendContext&) -> SendOutcome {
    std::this_thread::sleep_for(20ms);
    return Accepted{};
  };
  const auto sender = rig.start(1, 4);
  for (std::uint32_t i = 1; i <= 40; ++i) rig.append(i, *sender);
  ASSERT_TRUE(rig.exported(40));
  EXPECT_GT(rig.first.most_under_way, 1);
  EXPECT_LE(rig.first.most_under_way, 4);
}

TEST(Sender, ALinkTooSlowForTheTimeoutGetsMoreOfIt) {
  Rig rig;
  rig.first.behave = [](const Payload&, const SendContext& context) -> SendOutcome {
    if (context.patience >= 8) return Accepted{};
    return Retry{std::nullopt, "no answer", true, true};
  };
  const auto sender = rig.start();
  rig.append(1, *sender);
  ASSERT_TRUE(rig.exported(1));
  EXPECT_EQ(rig.first.attempts, 4);
  EXPECT_EQ(rig.store.metric("telegen_export_possible_duplicates_total"), 3);
}

TEST(Sender, StopsWhenItsTimeIsOverAndWhatIsLeftWaits) {
  Rig rig;
  rig.first.behave = refused;
  const auto sender = rig.start();
  rig.append(1, *sender);
  const Time begin = monotonic_now();
  sender->stop(begin + 200ms);
  EXPECT_GE(monotonic_now() - begin, Duration(150ms)) << "it tried until then";
  EXPECT_LT(monotonic_now() - begin, Duration(2s));
  EXPECT_EQ(rig.store.ledger.read().held, 1U);
  EXPECT_EQ(rig.store.drain().size(), 1U);
}

TEST(Sender, SendsAllBeforeItStops) {
  Rig rig;
  rig.first.behave = [](const Payload&, const SendContext&) -> SendOutcome {
    std::this_thread::sleep_for(2ms);
    return Accepted{};
  };
  const auto sender = rig.start(1, 3);
  for (std::uint32_t i = 1; i <= 60; ++i) rig.append(i, *sender);
  sender->stop(monotonic_now() + 5s);
  EXPECT_EQ(rig.store.ledger.read().exported, 60U);
}

TEST(Sender, TheOneThatRetiresLeavesTheRestToTheNext) {
  Rig rig;
  rig.first.behave = [](const Payload&, const SendContext&) -> SendOutcome {
    std::this_thread::sleep_for(5ms);
    return Accepted{};
  };
  auto sender = rig.start();
  for (std::uint32_t i = 1; i <= 40; ++i) rig.append(i, *sender);
  std::this_thread::sleep_for(20ms);
  sender->retire();
  const Accounting account = rig.store.ledger.read();
  EXPECT_GT(account.held, 0U);
  sender = rig.start();
  ASSERT_TRUE(rig.exported(40));
  EXPECT_EQ(rig.first.got, up_to(40));
}

}  // namespace
}  // namespace telegen
