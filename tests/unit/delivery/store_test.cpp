#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "delivery/queue_store.h"
#include "helpers.h"

namespace telegen {
namespace {

using namespace testing;
using Items = std::vector<std::uint32_t>;

QueuesSettings with_limit(std::uint64_t bytes) {
  QueuesSettings settings;
  settings.traces.mem_limit.bytes = bytes;
  return settings;
}

QueuesSettings spooled(std::uint64_t bytes) {
  QueuesSettings settings;
  settings.spool.directory = "/spool";
  settings.spool.max_size.bytes = bytes;
  return settings;
}

TEST(QueueStore, GivesInOrderWhatItWasGiven) {
  OwnMemory memory;
  StoreRig rig(memory);
  rig.append(1, 100, 0s, 'a');
  rig.append(2, 200, 0s, 'b');
  const auto taken = rig.store->take(rig.queue, kNow);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->info.items, 1U);
  EXPECT_EQ(taken->info.compression, Compression::kGzip);
  EXPECT_EQ(taken->received, kNow);
  const auto bytes = rig.store->read(*taken, 5);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->size(), 105U);
  EXPECT_EQ(bytes->substr(5), std::string(100, 'a'));
  rig.store->put_back(*taken);
  EXPECT_EQ(rig.drain(), (Items{1, 2}));
  EXPECT_EQ(rig.ledger.read().held, 0U);
  EXPECT_TRUE(rig.ledger.read().balanced());
}

TEST(QueueStore, KeepsNoMemoryForWhatIsDone) {
  OwnMemory memory;
  StoreRig rig(memory);
  for (int i = 0; i < 5000; ++i) {
    rig.append(1, 10'000);
    rig.drain();
  }
  EXPECT_LE(rig.store->figures(rig.queue).bytes, 300'000U);
  EXPECT_EQ(rig.store->figures(rig.queue).requests, 0U);
}

TEST(QueueStore, AboveItsLimitTheOldestSegmentGoes) {
  OwnMemory memory;
  StoreRig rig(memory, with_limit(1 << 20));
  for (std::uint32_t i = 1; i <= 300; ++i) rig.append(i, 10'000);
  EXPECT_LE(rig.store->figures(rig.queue).bytes, std::uint64_t{1} << 20);
  const Items left = rig.drain();
  ASSERT_GT(left.size(), 80U);
  for (std::size_t i = 0; i < left.size(); ++i) EXPECT_EQ(left[i], 300 - left.size() + i + 1) << "the youngest stay";
  const Accounting account = rig.ledger.read();
  EXPECT_TRUE(account.balanced());
  EXPECT_EQ(account.held, 0U);
  EXPECT_EQ(account.dropped_by(DropCause::kQueueFull) + account.exported, 300U * 301 / 2);
}

TEST(QueueStore, WhatIsInFlightIsNeverDropped) {
  OwnMemory memory;
  StoreRig rig(memory, with_limit(1 << 20));
  rig.append(7, 10'000, 0s, 'f');
  const auto taken = rig.store->take(rig.queue, kNow);
  ASSERT_TRUE(taken);
  for (std::uint32_t i = 1; i <= 300; ++i) rig.append(1, 10'000);
  EXPECT_EQ(rig.store->read(*taken, 0).value(), std::string(10'000, 'f'));
  rig.store->put_back(*taken);
  EXPECT_EQ(rig.drain().front(), 7U);
}

TEST(QueueStore, ARequestThatFitsIntoNoSegmentGetsOneOfItsOwn) {
  OwnMemory memory;
  StoreRig rig(memory, with_limit(1 << 20));
  rig.append(1, 10);
  rig.append(2, 500'000);
  rig.append(3, 10);
  EXPECT_EQ(rig.drain(), (Items{1, 2, 3}));
}

TEST(QueueStore, TheOldExpire) {
  OwnMemory memory;
  QueuesSettings settings;
  settings.traces.max_age = 10s;
  StoreRig rig(memory, settings);
  rig.append(1, 10, 0s);
  rig.append(2, 10, 5s);
  rig.store->expire(rig.queue, kNow + 9s);
  EXPECT_EQ(rig.ledger.read().held, 3U);
  EXPECT_EQ(rig.drain(10s), (Items{2}));
  EXPECT_EQ(rig.ledger.read().dropped_by(DropCause::kExpired), 1U);
}

TEST(QueueStore, WhatIsSetAsideWaitsLongerEachTimeAndExpiresAsAllDo) {
  OwnMemory memory;
  StoreRig rig(memory);
  rig.append(1, 100);
  Time now = kNow;
  Duration wait = 1min;
  for (int round = 0; round < 4; ++round, wait *= 2) {
    auto taken = rig.store->take(rig.queue, now);
    ASSERT_TRUE(taken) << round;
    if (round == 0) taken->unanswered = kOftenUnanswered - 1;
    rig.store->set_aside(*taken, now);
    EXPECT_FALSE(rig.store->empty(rig.queue));
    EXPECT_TRUE(rig.store->nothing_due(rig.queue, now + (wait - 1ns)));
    EXPECT_FALSE(rig.store->nothing_due(rig.queue, now + wait));
    EXPECT_FALSE(rig.store->take(rig.queue, now + (wait - 1ns)));
    EXPECT_EQ(rig.store->figures(rig.queue).oldest, kNow);
    now = now + wait;
  }
  rig.store->expire(rig.queue, kNow + QueuesSettings{}.traces.max_age);
  EXPECT_TRUE(rig.store->empty(rig.queue));
  EXPECT_EQ(rig.ledger.read().dropped_by(DropCause::kExpired), 1U);
  EXPECT_TRUE(rig.ledger.read().balanced());
}

TEST(QueueStore, OfWhatIsSetAsideTheOldestGoesFirstToo) {
  OwnMemory memory;
  StoreRig rig(memory, with_limit(64 << 10));  // segments of 4 KiB
  for (int i = 1; i <= 2; ++i) rig.append(i, 3500);
  const auto old = rig.store->take(rig.queue, kNow);
  const auto young = rig.store->take(rig.queue, kNow);
  ASSERT_TRUE(old && young);
  ASSERT_NE(old->segment, young->segment);
  rig.store->set_aside(*young, kNow);
  rig.store->set_aside(*old, kNow + 30s);  // behind the younger one: its turn comes later
  EXPECT_EQ(rig.store->figures(rig.queue).requests, 2U);
  for (int i = 3; rig.ledger.read().dropped_by(DropCause::kQueueFull) == 0; ++i) rig.append(100, 3500);
  EXPECT_EQ(rig.ledger.read().dropped_by(DropCause::kQueueFull), 1U) << "the one item of the oldest";
}

TEST(QueueStore, BacklogAndLiveTakeTurnsAndEachIsInOrder) {
  OwnMemory memory;
  StoreRig rig(memory);
  for (std::uint32_t i = 1; i <= 4; ++i) rig.append(i);
  rig.store->set_reachable(rig.queue, false);
  for (std::uint32_t i = 5; i <= 8; ++i) rig.append(i);
  rig.store->set_reachable(rig.queue, true);
  for (std::uint32_t i = 101; i <= 112; ++i) rig.append(i);
  const Items order = rig.drain();
  Items live;
  Items backlog;
  for (const std::uint32_t one : order) (one > 100 ? live : backlog).push_back(one);
  EXPECT_TRUE(std::ranges::is_sorted(live));
  EXPECT_EQ(backlog, (Items{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(std::ranges::count_if(order.begin(), order.begin() + 8, [](auto one) { return one > 100; }), 6);
}

TEST(QueueStore, WhatWaitedIsThereForTheNextLife) {
  OwnMemory memory;
  auto rig = std::make_unique<StoreRig>(memory);
  for (std::uint32_t i = 1; i <= 3; ++i) rig->append(i, 100, -5s, static_cast<char>('a' + i));
  const auto settled = rig->store->take(rig->queue, kNow);
  rig->ledger.exported(1);
  rig->store->settle(*settled);
  static_cast<void>(rig->store->take(rig->queue, kNow));  // 2 is in flight when the end comes
  rig.reset();
  StoreRig next(memory);
  ASSERT_TRUE(next.store->recover(after(1s)));
  EXPECT_EQ(next.ledger.read().held, 5U);
  EXPECT_EQ(next.ledger.read().received, 5U);
  EXPECT_EQ(next.ledger.read().recovered, 5U);
  EXPECT_EQ(next.metric("telegen_queue_resent_total"), 2);
  const auto first = next.store->take(next.queue, kNow + 1s);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->info.items, 2U);
  EXPECT_EQ(first->received, (Time{kNow.ns - 5'000'000'000})) << "by the wall clock";
  EXPECT_EQ(next.store->read(*first, 0).value(), std::string(100, 'c'));
  next.store->put_back(*first);
  next.append(9);
  EXPECT_EQ(next.drain(), (Items{9, 2, 3})) << "what is new is live";
}

TEST(QueueStore, AClockThatWasSetBackMakesNothingOlderThanItIs) {
  OwnMemory memory;
  {
    StoreRig rig(memory);
    rig.append(1);
  }
  StoreRig next(memory);
  ASSERT_TRUE(next.store->recover({kNow, {kWall.ns - 3'600'000'000'000}}));
  const auto taken = next.store->take(next.queue, kNow);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->received, kNow);
}

TEST(QueueStore, SegmentsOfAQueueThatIsGoneAreGivenUp) {
  OwnMemory memory;
  {
    StoreRig rig(memory);
    rig.append(1);
  }
  MetricRegistry metrics;
  SignalLedgers ledgers;
  QueueStore store({}, memory, metrics);
  store.add({Signal::kLogs, "otlp"}, {}, ledgers.destination("otlp"));
  ASSERT_TRUE(store.recover(after(0s)));
  EXPECT_EQ(ledgers.destination("otlp").read().received, 0U);
  EXPECT_TRUE(memory.existing()->empty());
}

TEST(QueueStore, OnDiskTheOldestSegmentOfAllQueuesMakesRoom) {
  FakeDisk disk;
  StoreRig rig(disk, spooled(1 << 20));
  Ledger& other_ledger = rig.ledgers.destination("other");
  const QueueId other = rig.store->add({Signal::kTraces, "other"}, {}, other_ledger);
  other_ledger.receive(1);
  rig.store->append(other, request_of(1, 100, kNow), after(0s));
  for (std::uint32_t i = 1; i <= 300; ++i) rig.append(1, 10'000);
  EXPECT_LE(rig.store->figures(rig.queue).bytes, std::uint64_t{1} << 20);
  EXPECT_EQ(other_ledger.read().dropped_by(DropCause::kQueueFull), 1U);
  EXPECT_TRUE(rig.ledger.read().balanced());
}

TEST(QueueStore, WhereSegmentsCannotBeOpenedTheRequestIsDroppedAndCounted) {
  FakeDisk disk;
  StoreRig rig(disk, spooled(1 << 20));
  disk.refuse = true;
  rig.append(3);
  EXPECT_EQ(rig.ledger.read().dropped_by(DropCause::kQueueFull), 3U);
  EXPECT_GE(rig.metric("telegen_queue_failures_total"), 1);
  disk.refuse = false;
  rig.append(4);
  EXPECT_EQ(rig.drain(), (Items{4}));
}

// Whatever happens in whatever order: the account is right, order is kept in each lane, nothing is there twice.
TEST(QueueStore, RandomLivesLoseNothingUncounted) {
  Random random(11);
  for (int round = 0; round < 60; ++round) {
    FakeDisk disk;
    const bool on_disk = round % 2 == 0;
    const QueuesSettings settings = on_disk ? spooled(1 << 20) : with_limit(256 << 10);
    auto rig = std::make_unique<StoreRig>(disk, settings);
    std::vector<TakenRequest> under_way;
    std::uint64_t given = 0;
    std::uint64_t exported = 0;
    std::uint64_t dropped = 0;
    for (int step = 0; step < 400; ++step) {
      const std::uint64_t dice = random.next() % 100;
      if (dice < 50) {
        rig->append(1 + random.next() % 5, random.next() % 9000);
      } else if (dice < 70) {
        const bool probing = random.next() % 2 == 0;
        if (auto taken = rig->store->take(rig->queue, kNow, probing)) under_way.push_back(*taken);
      } else if (dice < 85 && !under_way.empty()) {
        const std::size_t i = random.next() % under_way.size();
        const std::uint64_t outcome = random.next() % 4;
        if (outcome < 2) {
          rig->ledger.exported(under_way[i].info.items);
          rig->store->settle(under_way[i]);
        } else if (outcome == 2) {
          rig->store->put_back(under_way[i], random.next() % 2 == 0);
        } else {
          rig->store->set_aside(under_way[i], Time{});  // due at once
        }
        under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(i));
      } else if (dice < 93) {
        rig->store->set_reachable(rig->queue, random.next() % 2 == 0);
      } else if (dice == 99) {  // killed
        const Accounting before = rig->ledger.read();
        ASSERT_TRUE(before.balanced());
        given += before.received;
        exported += before.exported;
        dropped += before.dropped_in_all();
        under_way.clear();
        rig = std::make_unique<StoreRig>(disk, settings);
        ASSERT_TRUE(rig->store->recover(after(0s)));
        ASSERT_EQ(rig->ledger.read().held, before.held) << "what was held is what is recovered";
        given -= before.held;
      }
    }
    for (const TakenRequest& taken : under_way) rig->store->put_back(taken);
    rig->drain();
    const Accounting end = rig->ledger.read();
    ASSERT_EQ(end.held, 0U);
    ASSERT_TRUE(end.balanced());
    ASSERT_EQ(given + end.received, exported + end.exported + dropped + end.dropped_in_all());
  }
}

}  // namespace
}  // namespace telegen
