// The stick table with many threads.
#include <algorithm>
#include <set>

#include "support/tables.h"
#include "support/test.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kTtl = 600'000;
constexpr uint64_t kNow = 10'000'000;

// What every writer stores for a key, so that a torn read shows.
Pin pin_of(uint64_t number) {
  const uint64_t word = mix64(number);
  return {static_cast<uint16_t>(word & kMaxPinBackend), static_cast<uint16_t>(word >> 20 & (kGenerations - 1)),
          (word >> 40 & 1) != 0, (word >> 41 & 1) != 0};
}

bool is_pin_of(uint64_t number, const Pin& pin) {
  const Pin wanted = pin_of(number);
  return pin.backend == wanted.backend && pin.generation == wanted.generation && pin.away == wanted.away &&
         pin.provisional == wanted.provisional;
}

}  // namespace

TEST("readers and writers: no reader sees a torn entry, and the size holds") {
  constexpr size_t kSize = 1'000;
  constexpr unsigned kThreads = 5;
  Table table(kSize, kTtl);
  std::atomic<uint64_t> hits{0};
  const uint64_t count = rounds(40'000, 1'000'000);
  run_threads(kThreads, [&](unsigned thread) {
    Random random(thread);
    for (uint64_t i = 0; i < count; i++) {
      const uint64_t number = random.below(3 * kSize);
      const AffinityKey key = ipv4_key(number);
      const uint64_t now = kNow + i / 100;
      const uint64_t dice = random.below(100);
      if (dice < 60) {
        const auto found = table.find(key, now);
        if (found && !is_pin_of(number, found->pin)) FAIL("wrong pin");
        hits.fetch_add(found.has_value(), std::memory_order_relaxed);
      } else if (dice < 80) {
        table.store(key, pin_of(number), now, random.chance(50));
      } else if (dice < 88) {
        table.visit(key, now);
      } else if (dice < 93) {
        table.refresh(key, now);
      } else if (dice < 98) {
        table.erase(key);
      } else {
        table.hold(key);
        table.let_go(key);
      }
      // A writer claims an entry before its slot, so that the gauge may be ahead by the writers, the table never.
      if (table.table.entries() > kSize + kThreads) FAIL("past its size");
    }
  });
  CHECK(hits.load() > 0);
  const auto listed = table.list(100, kNow);
  CHECK_EQUAL(listed.size(), table.table.entries());
  CHECK(listed.size() <= kSize);
  std::set<uint64_t> seen;
  for (const auto& [key, found] : listed) {
    CHECK(is_pin_of(key.value, found.pin));
    CHECK(seen.insert(key.value).second);
  }
}

TEST("listing, clearing and forgetting while others write") {
  constexpr size_t kSize = 300;
  Table table(kSize, kTtl);
  std::atomic<bool> done{false};
  const uint64_t count = rounds(200, 5'000);
  run_threads(4, [&](unsigned thread) {
    Random random(10 + thread);
    if (thread == 0) {
      for (uint64_t i = 0; i < count; i++) {
        const auto listed = table.list(random.between(1, 50), kNow);
        CHECK(listed.size() <= kSize);
        for (const auto& [key, found] : listed) {
          if (!is_pin_of(key.value, found.pin)) FAIL("wrong pin");
        }
        if (i % 20 == 0) table.table.clear();
        if (i % 7 == 0) table.table.forget_backend(pin_of(random.below(600)).backend);
      }
      done = true;
      return;
    }
    while (!done) {
      const uint64_t number = random.below(600);
      table.store(ipv4_key(number), pin_of(number), kNow);
      const auto found = table.find(ipv4_key(number), kNow);
      if (found && !is_pin_of(number, found->pin)) FAIL("wrong pin");
    }
  });
  table.table.clear();
  CHECK_EQUAL(table.table.entries(), size_t{0});
}

TEST("what is decided under the lock is decided once: first touches of one key agree") {
  constexpr unsigned kThreads = 6;
  const uint64_t keys = rounds(3'000, 100'000);
  Table table(keys * 2, kTtl);
  std::vector<std::vector<uint16_t>> decided(kThreads, std::vector<uint16_t>(keys));
  run_threads(kThreads, [&](unsigned thread) {
    for (uint64_t i = 0; i < keys; i++) {
      const AffinityKey key = ipv4_key(i);
      StickTable::Locked locked(table.table, key, table.table.hash(key));
      const auto found = locked.find(kNow);
      if (!found) locked.store({static_cast<uint16_t>(thread), 1}, kNow, false);
      decided[thread][i] = found ? found->pin.backend : static_cast<uint16_t>(thread);
    }
  });
  for (uint64_t i = 0; i < keys; i++) {
    for (unsigned thread = 1; thread < kThreads; thread++) CHECK_EQUAL(decided[thread][i], decided[0][i]);
  }
}

TEST("all pairs of buckets locked by many threads: no deadlock") {
  // Three buckets: any two threads collide all the time.
  Table table(14, kTtl);
  REQUIRE(table.table.buckets() == 3);
  std::atomic<uint64_t> locks{0};
  const uint64_t count = rounds(30'000, 500'000);
  run_threads(4, [&](unsigned thread) {
    Random random(20 + thread);
    for (uint64_t i = 0; i < count; i++) {
      const AffinityKey key = ipv4_key(random.next());
      const StickTable::Locked locked(table.table, key, table.table.hash(key));
      locks.fetch_add(1, std::memory_order_relaxed);
    }
  });
  CHECK_EQUAL(locks.load(), 4 * count);
}

TEST_MAIN
