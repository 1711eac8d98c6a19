// What one key may have of a pool: sessions at one time, exactly, and new ones a second.
#include <atomic>

#include "support/pools.h"
#include "support/test.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

PoolOptions limited(uint32_t sessions, uint32_t per_second = 0, uint32_t burst = 0, size_t table_size = 10'000) {
  PoolOptions options;
  options.table_size = table_size;
  options.limits = {sessions, per_second, burst};
  return options;
}

// Holds every seat that it gets, so many at the most.
std::vector<Seat> take(TestPool& pool, uint64_t key, unsigned tries) {
  std::vector<Seat> seats;
  for (unsigned i = 0; i < tries; i++) {
    Seat seat;
    if (pool.pick(key, seat) == PickStatus::kOk) seats.push_back(seat);
  }
  return seats;
}

}  // namespace

TEST("sessions of one key: no more than the limit, of each key, with a table and without") {
  for (const size_t table_size : {size_t{10'000}, size_t{0}}) {
    TestPool pool(limited(3, 0, 0, table_size));
    pool.add_equal(4);
    auto first = take(pool, 1, 10);
    auto second = take(pool, 2, 10);
    CHECK_EQUAL(first.size(), size_t{3});
    CHECK_EQUAL(second.size(), size_t{3});
    CHECK_EQUAL(pool.counter(PoolCounter::kKeySessions), uint64_t{14});
    CHECK_EQUAL(pool.pool.seats(), uint64_t{6});
    Seat refused;
    CHECK(pool.pick(1, refused) == PickStatus::kKeySessions);
    CHECK(refused.backend == nullptr && !refused.claimed);
    // Releasing what was refused gives nothing back.
    pool.release(refused);
    CHECK(pool.pick(1, refused) == PickStatus::kKeySessions);
    pool.release(first[0]);
    CHECK_EQUAL(take(pool, 1, 2).size(), size_t{1});
    for (Seat& seat : second) pool.release(seat);
    CHECK_EQUAL(take(pool, 2, 9).size(), size_t{3});
  }
}

TEST("a redispatch needs no second claim, and every end of a session gives its own back") {
  TestPool pool(limited(1));
  pool.add_equal(2);
  Seat seat;
  CHECK(pool.pick(1, seat) == PickStatus::kOk);
  CHECK(pool.redispatch(seat) == PickStatus::kOk);
  Seat other;
  CHECK(pool.pick(1, other) == PickStatus::kKeySessions);
  CHECK(pool.redispatch(seat) == PickStatus::kNoBackend);
  CHECK(pool.pick(1, other) == PickStatus::kKeySessions);
  pool.release(seat, true);
  CHECK(pool.pick(1, other) == PickStatus::kOk);
  pool.confirm(other);
  pool.release(other);
  pool.check_empty();
}

TEST("a pick that finds no backend gives its claim back") {
  TestPool pool(limited(1));
  Seat seat;
  CHECK(pool.pick(1, seat) == PickStatus::kNoBackend);
  pool.set("full", 1, 1);
  pool.pool.publish();
  Seat holder;
  CHECK(pool.pick(2, holder) == PickStatus::kOk);
  CHECK(pool.pick(1, seat) == PickStatus::kPoolFull);
  pool.release(holder);
  CHECK(pool.pick(1, seat) == PickStatus::kOk);
  pool.release(seat);
  pool.check_empty();
}

TEST("claims are not sessions: pins expire, and are confirmed, as without limits") {
  TestPool pool(limited(5));
  pool.add_equal(3);
  pool.visit(1);
  CHECK(!pool.pin(1).empty());
  pool.now_ms += kTtlMs + 1'000;
  CHECK_EQUAL(pool.pin(1), "");
  Seat seat;
  CHECK(pool.pick(1, seat) == PickStatus::kOk);
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), "");
}

TEST("clients without a key have no limits") {
  TestPool pool(limited(1, 1, 1));
  pool.add_equal(2);
  std::vector<Seat> seats(5);
  for (Seat& seat : seats) CHECK(pool.pick_without_key(seat) == PickStatus::kOk);
  for (Seat& seat : seats) pool.release(seat);
  pool.check_empty();
}

TEST("new sessions of one key: a burst, then as many as come back") {
  TestPool pool(limited(0, 10, 4));
  pool.add_equal(2);
  const auto visits = [&](uint64_t key, unsigned tries) {
    unsigned count = 0;
    for (unsigned i = 0; i < tries; i++) count += pool.visit(key) == "-" ? 0 : 1;
    return count;
  };
  CHECK_EQUAL(visits(1, 10), 4U);
  CHECK_EQUAL(visits(2, 10), 4U);
  CHECK_EQUAL(pool.counter(PoolCounter::kKeyRate), uint64_t{12});
  CHECK_EQUAL(pool.counter(PoolCounter::kKeyRateShared), uint64_t{0});
  pool.now_ms += 200;
  CHECK_EQUAL(visits(1, 10), 2U);
  pool.check_empty();
}

TEST("a session that the key may not have costs it no token, and one too fast no claim") {
  TestPool pool(limited(1, 1, 2));
  pool.add_equal(2);
  Seat first;
  CHECK(pool.pick(1, first) == PickStatus::kOk);
  Seat seat;
  for (unsigned i = 0; i < 5; i++) CHECK(pool.pick(1, seat) == PickStatus::kKeySessions);
  pool.release(first);
  CHECK(pool.pick(1, seat) == PickStatus::kOk);
  pool.release(seat);
  for (unsigned i = 0; i < 5; i++) CHECK(pool.pick(1, seat) == PickStatus::kKeyRate);
  pool.now_ms += 1'000;
  CHECK(pool.pick(1, seat) == PickStatus::kOk);
  pool.release(seat);
}

TEST("many threads never have more sessions of a key than the limit, and lose none") {
  constexpr unsigned kThreads = 8;
  constexpr unsigned kMost = 3;
  constexpr unsigned kKeys = 4;
  TestPool pool(limited(kMost));
  pool.add_equal(3);
  std::array<std::atomic<unsigned>, kKeys> live{};
  std::atomic<unsigned> too_many{0};
  std::atomic<uint64_t> taken{0};
  run_threads(kThreads, [&](unsigned number) {
    Pool::Thread thread(*pool.domain);
    Random random(number);
    std::vector<std::pair<uint64_t, Seat>> held;
    const auto end_one = [&] {
      auto& [key, seat] = held.back();
      live[key].fetch_sub(1);
      pool.pool.release(seat, random.chance(30), kStartMs);
      held.pop_back();
    };
    for (unsigned i = 0; i < 5'000; i++) {
      const EpochGuard guard(thread);
      const uint64_t key = random.below(kKeys);
      Seat seat;
      if (pool.pool.pick(thread, client(key), seat, kStartMs) == PickStatus::kOk) {
        if (live[key].fetch_add(1) >= kMost) too_many.fetch_add(1);
        taken.fetch_add(1);
        if (random.chance(50)) pool.pool.confirm(thread, seat, kStartMs);
        held.emplace_back(key, seat);
      }
      while (held.size() > random.below(4)) end_one();
    }
    while (!held.empty()) end_one();
  });
  CHECK_EQUAL(too_many.load(), 0U);
  CHECK(taken.load() > 0 && pool.counter(PoolCounter::kKeySessions) > 0);
  pool.check_empty();
  // Everything was given back: each key has all of its sessions again.
  for (uint64_t key = 0; key < kKeys; key++) CHECK_EQUAL(take(pool, key, 10).size(), size_t{kMost});
}

TEST("a pool has no more sessions than it may, pins or not, and a new limit holds for those who come") {
  TestPool pool({.bound_milli = 0, .max_sessions = 3});
  pool.add_equal(2);
  CHECK(pool.visit(9) != "-");
  auto all = take(pool, 1, 2);
  auto other = take(pool, 2, 9);
  CHECK_EQUAL(all.size(), size_t{2});
  CHECK_EQUAL(other.size(), size_t{1});
  CHECK(take(pool, 9, 1).empty());
  CHECK_EQUAL(pool.counter(PoolCounter::kPoolFull), uint64_t{9});
  pool.release(other[0]);
  CHECK(pool.visit(9) != "-");
  pool.pool.set_limits({.max_sessions = 1});
  CHECK(take(pool, 1, 1).empty());
  pool.release(all[0]);
  CHECK(take(pool, 1, 1).empty());
  pool.release(all[1]);
  auto last = take(pool, 1, 9);
  CHECK_EQUAL(last.size(), size_t{1});
  pool.release(last[0]);
  pool.check_empty();
}

TEST("threads fill a pool to its limit and not past it") {
  constexpr unsigned kThreads = 4;
  constexpr uint32_t kMost = 20;
  TestPool pool({.bound_milli = 0, .max_sessions = kMost});
  pool.add_equal(3);
  std::atomic<unsigned> taken{0};
  run_threads(kThreads, [&](unsigned number) {
    Pool::Thread thread(*pool.domain);
    for (unsigned i = 0; i < 2'000; i++) {
      const EpochGuard guard(thread);
      Seat seat;
      if (pool.pool.pick(thread, client(number * 10'000 + i), seat, kStartMs) != PickStatus::kOk) continue;
      // Some stay.
      if (taken.fetch_add(1) < kMost) continue;
      taken.fetch_sub(1);
      pool.pool.release(seat, false, kStartMs);
    }
  });
  CHECK_EQUAL(taken.load(), kMost);
  CHECK_EQUAL(pool.pool.seats(), uint64_t{kMost});
}

TEST("limits change while sessions live: those from before do not count, and every end gives back what it took") {
  TestPool pool(limited(0));
  pool.add_equal(4);
  auto before = take(pool, 1, 5);
  CHECK_EQUAL(before.size(), size_t{5});
  pool.pool.set_limits({.limits = {2, 0, 0}});
  auto after = take(pool, 1, 5);
  CHECK_EQUAL(after.size(), size_t{2});
  for (Seat& seat : before) pool.release(seat);
  CHECK(take(pool, 1, 1).empty());
  pool.pool.set_limits({});
  auto unlimited = take(pool, 1, 9);
  CHECK_EQUAL(unlimited.size(), size_t{9});
  pool.pool.set_limits({.limits = {3, 0, 0}});
  // The two that were counted still are.
  auto more = take(pool, 1, 9);
  CHECK_EQUAL(more.size(), size_t{1});
  for (auto* seats : {&after, &unlimited, &more}) {
    for (Seat& seat : *seats) pool.release(seat);
  }
  pool.check_empty();
  CHECK_EQUAL(take(pool, 1, 9).size(), size_t{3});
}

TEST("rates and limits change while threads pick") {
  constexpr unsigned kThreads = 4;
  TestPool pool(limited(0, 1'000, 10));
  pool.add_equal(3);
  std::atomic<unsigned> running{kThreads};
  run_threads(kThreads + 1, [&](unsigned number) {
    if (number == kThreads) {
      for (uint32_t i = 1; running.load() > 0; i++) {
        pool.pool.set_limits({.bound_milli = i % 3 * 1250, .limits = {i % 4, i % 5 * 100, 10 + i % 2}});
      }
      return;
    }
    Pool::Thread thread(*pool.domain);
    Random random(number);
    for (unsigned i = 0; i < 5'000; i++) {
      const EpochGuard guard(thread);
      Seat seat;
      if (pool.pool.pick(thread, client(random.below(4)), seat, kStartMs + i) != PickStatus::kOk) continue;
      pool.pool.confirm(thread, seat, kStartMs + i);
      pool.pool.release(seat, false, kStartMs + i);
    }
    running.fetch_sub(1);
  });
  pool.check_empty();
}

TEST_MAIN
