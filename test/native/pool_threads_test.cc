// Pools with many threads: the bound, the limits and the first touch hold whatever they do.
#include <algorithm>
#include <barrier>

#include "support/pools.h"
#include "support/test.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr unsigned kThreads = 8;

std::string name_of(unsigned number) { return "b" + std::to_string(number); }

// Takes `count` seats on each thread, at once, with keys of its own; returns them by thread.
std::vector<std::vector<Seat>> arrive(TestPool& pool, unsigned count, bool same_key) {
  std::vector<std::vector<Seat>> seats(kThreads);
  run_threads(kThreads, [&](unsigned number) {
    Pool::Thread thread(*pool.domain);
    for (unsigned i = 0; i < count; i++) {
      const EpochGuard guard(thread);
      Seat seat;
      const uint64_t key = same_key ? 1 : number * 1'000'000 + i;
      if (pool.pool.pick(thread, client(key), seat, kStartMs) == PickStatus::kOk) seats[number].push_back(seat);
    }
  });
  return seats;
}

void leave(TestPool& pool, std::vector<std::vector<Seat>>& seats) {
  run_threads(kThreads, [&](unsigned number) {
    for (Seat& seat : seats[number]) pool.pool.release(seat, false, kStartMs);
  });
  pool.check_empty();
}

size_t total_of(const std::vector<std::vector<Seat>>& seats) {
  size_t total = 0;
  for (const auto& part : seats) total += part.size();
  return total;
}

// While sessions only come, m only rises: what was within the bound then is within the bound of the end.
void check_bound_at_end(TestPool& pool, size_t total) {
  const Roster& roster = pool.pool.roster();
  uint64_t sum = 0;
  for (const RosterEntry& entry : roster.entries) {
    const uint64_t bound =
        bound_of(pool.pool.rules().bound_milli, total - 1, entry.weight, roster.eligible_share / kFullRamp);
    CHECK(entry.backend->sessions() <= bound);
    sum += entry.backend->sessions();
  }
  CHECK_EQUAL(sum, uint64_t{total});
  CHECK_EQUAL(pool.pool.seats(), uint64_t{total});
}

// Every state of a session's life, at random.
class Client {
 public:
  Client(TestPool& pool, uint64_t stream, uint64_t keys)
      : pool_(pool), thread_(*pool.domain), random_(stream), keys_(keys) {}

  void step(uint64_t now_ms) {
    const EpochGuard guard(thread_);
    if (held_.size() < 40 && random_.chance(55)) {
      begin(now_ms);
    } else if (!held_.empty()) {
      end(random_.below(held_.size()), now_ms);
    }
  }
  void end_all(uint64_t now_ms) {
    while (!held_.empty()) end(held_.size() - 1, now_ms);
  }
  uint64_t decisions = 0;  // what the counters must add up to

 private:
  void begin(uint64_t now_ms) {
    Seat seat;
    const AffinityKey key = random_.chance(3) ? AffinityKey{} : client(random_.below(keys_));
    PickStatus status = pool_.pool.pick(thread_, key, seat, now_ms);
    decisions++;
    while (status == PickStatus::kOk && random_.chance(15) && seat.tried_count < kMaxRetries) {
      status = pool_.pool.redispatch(thread_, seat, random_.chance(20), now_ms);
      decisions++;
    }
    if (status != PickStatus::kOk) {
      pool_.pool.release(seat, true, now_ms);
      return;
    }
    if (random_.chance(80)) pool_.pool.confirm(thread_, seat, now_ms);
    held_.push_back(seat);
  }
  void end(size_t at, uint64_t now_ms) {
    std::swap(held_[at], held_.back());
    pool_.pool.release(held_.back(), !held_.back().established && random_.chance(70), now_ms);
    held_.pop_back();
  }

  TestPool& pool_;
  Pool::Thread thread_;
  Random random_;
  const uint64_t keys_;
  std::vector<Seat> held_;
};

}  // namespace

TEST("eight threads, arrivals only: every load within the bound") {
  Random random(1);
  for (const uint32_t bound : {1000U, 1050U, 1100U, 1250U, 1500U, 2000U}) {
    for (const unsigned count : {1U, 2U, 3U, 7U, 100U}) {
      for (const bool same_key : {false, true}) {
        TestPool pool({.bound_milli = bound, .table_size = 0});
        for (unsigned i = 0; i < count; i++) pool.set(name_of(i), bound == 1000 ? 1 : 1 + i % 4);
        pool.pool.publish();
        auto seats = arrive(pool, static_cast<unsigned>(rounds(40, 400)), same_key);
        CHECK_EQUAL(total_of(seats), size_t{kThreads} * rounds(40, 400));  // nobody is refused
        check_bound_at_end(pool, total_of(seats));
        leave(pool, seats);
      }
    }
  }
}

TEST("a bound of 1 is an even spread, to the session") {
  for (uint64_t round = 0; round < rounds(10, 100); round++) {
    TestPool pool({.bound_milli = 1000, .table_size = 0, .secret = round});
    pool.add_equal(20);
    auto seats = arrive(pool, 50, round % 2 == 0);
    for (unsigned i = 0; i < 20; i++) CHECK_EQUAL(pool.sessions(name_of(i)), kThreads * 50 / 20);
    leave(pool, seats);
  }
}

TEST("maxSessions: exactly as many get in as there is room, with or without keys and pins") {
  for (const size_t table : {size_t{0}, size_t{10'000}}) {
    for (const bool same_key : {false, true}) {
      TestPool pool({.bound_milli = 1250, .table_size = table});
      unsigned room = 0;
      for (unsigned i = 0; i < 7; i++) {
        pool.set(name_of(i), 1 + i % 3, 5 + i);
        room += 5 + i;
      }
      pool.pool.publish();
      auto seats = arrive(pool, static_cast<unsigned>(rounds(30, 300)), same_key);
      CHECK_EQUAL(total_of(seats), size_t{room});
      CHECK_EQUAL(pool.counter(PoolCounter::kPoolFull), kThreads * rounds(30, 300) - room);
      leave(pool, seats);
    }
  }
}

TEST("first touch is atomic: parallel first connections of one key agree on one backend") {
  TestPool pool({.bound_milli = 1000, .table_size = 100'000});
  pool.add_equal(30);
  const uint64_t keys = rounds(400, 10'000);
  std::vector<std::vector<Seat>> seats(kThreads, std::vector<Seat>(keys));
  std::vector<std::atomic<unsigned>> arrived(keys);
  run_threads(kThreads, [&](unsigned number) {
    Pool::Thread thread(*pool.domain);
    for (uint64_t i = 0; i < keys; i++) {
      // All threads at the same key at the same time.
      arrived[i].fetch_add(1);
      while (arrived[i].load() < kThreads) sched_yield();
      const EpochGuard guard(thread);
      CHECK_EQUAL(pool.pool.pick(thread, client(i), seats[number][i], kStartMs), PickStatus::kOk);
    }
  });
  for (uint64_t i = 0; i < keys; i++) {
    for (unsigned number = 1; number < kThreads; number++) {
      CHECK_EQUAL(seats[number][i].backend->name, seats[0][i].backend->name);
    }
  }
  CHECK_EQUAL(pool.counter(PoolCounter::kTableInserted), keys);
  CHECK_EQUAL(pool.counter(PoolCounter::kPin), keys * (kThreads - 1));
  leave(pool, seats);
}

TEST("sessions that come, fail over, live and go: sums and bounds at every moment, nothing left at the end") {
  for (const uint32_t bound : {1050U, 1500U}) {
    TestPool pool({.bound_milli = bound, .table_size = 200, .return_home = ReturnHome::kNextConnect});
    for (unsigned i = 0; i < 10; i++) pool.set(name_of(i), 1 + i % 3, i % 4 == 0 ? 30 : 0);
    pool.pool.publish();
    std::atomic<unsigned> running{kThreads};
    std::atomic<uint64_t> decisions{0};
    std::atomic<uint64_t> looks{0};
    run_threads(kThreads + 1, [&](unsigned number) {
      if (number == kThreads) {
        while (running.load() > 0) {
          for (const RosterEntry& entry : pool.pool.roster().entries) {
            const uint32_t sessions = entry.backend->sessions();
            if (entry.max_sessions != 0 && sessions > entry.max_sessions) FAIL("past maxSessions");
            if (sessions > kThreads * 40) FAIL("more sessions than there can be");
          }
          looks.fetch_add(1);
        }
        return;
      }
      Client one(pool, number, 500);
      const uint64_t steps = rounds(6'000, 200'000);
      for (uint64_t i = 0; i < steps; i++) one.step(kStartMs + i);
      one.end_all(kStartMs + steps);
      decisions.fetch_add(one.decisions);
      running.fetch_sub(1);
    });
    CHECK(looks.load() > 0);
    pool.check_empty();
    uint64_t counted = 0;
    for (unsigned counter = 0; counter <= static_cast<unsigned>(PoolCounter::kPoolFull); counter++) {
      counted += pool.pool.counters()->sum(counter);
    }
    CHECK_EQUAL(counted, decisions.load());
  }
}

TEST("whenever all threads pause, the sessions add up to m") {
  constexpr unsigned kHeld = 40;  // what a client holds at most
  TestPool pool({.bound_milli = 1100, .table_size = 500});
  for (unsigned i = 0; i < 9; i++) pool.set(name_of(i), 1 + i % 3);
  pool.pool.publish();
  std::barrier pause(kThreads);
  run_threads(kThreads, [&](unsigned number) {
    Client one(pool, 50 + number, 5'000);
    for (uint64_t phase = 0; phase < rounds(60, 1'000); phase++) {
      for (uint64_t i = 0; i < 60; i++) one.step(kStartMs + phase * 60 + i);
      pause.arrive_and_wait();
      if (number == phase % kThreads) {
        uint64_t sum = 0;
        for (const RosterEntry& entry : pool.pool.roster().entries) sum += entry.backend->sessions();
        CHECK_EQUAL(sum, pool.pool.seats());
        CHECK(sum <= kThreads * kHeld);
      }
      pause.arrive_and_wait();
    }
    one.end_all(kStartMs);
  });
  pool.check_empty();
}

TEST("departures under way: new keys stay within the bound of the most there ever were") {
  // Each thread holds at most ten; unpinned, so that every assignment is one of a new key.
  constexpr unsigned kHeld = 10;
  TestPool pool({.bound_milli = 1250, .table_size = 0});
  pool.add_equal(7);
  const uint64_t most = bound_of(1250, kThreads * kHeld - 1, 1, 7);
  std::atomic<unsigned> running{kThreads};
  std::atomic<uint64_t> refused{0};
  run_threads(kThreads + 1, [&](unsigned number) {
    if (number == kThreads) {
      while (running.load() > 0) {
        uint64_t sum = 0;
        for (const RosterEntry& entry : pool.pool.roster().entries) {
          const uint32_t sessions = entry.backend->sessions();
          if (sessions > most) FAIL("past the bound");
          sum += sessions;
        }
        if (pool.pool.seats() > kThreads * kHeld) FAIL("m is more than all sessions and picks");
        if (sum > 7 * most) FAIL("more sessions than bounds");
      }
      return;
    }
    Pool::Thread thread(*pool.domain);
    Random random(number);
    std::vector<Seat> held;
    for (uint64_t i = 0; i < rounds(10'000, 300'000); i++) {
      const EpochGuard guard(thread);
      if (held.size() < kHeld && random.chance(60)) {
        Seat seat;
        const PickStatus status = pool.pool.pick(thread, client(random.below(20)), seat, kStartMs);
        if (status != PickStatus::kOk) refused.fetch_add(1);
        if (status == PickStatus::kOk) held.push_back(seat);
      } else if (!held.empty()) {
        std::swap(held[random.below(held.size())], held.back());
        pool.pool.release(held.back(), false, kStartMs);
        held.pop_back();
      }
    }
    for (Seat& seat : held) pool.pool.release(seat, false, kStartMs);
    running.fetch_sub(1);
  });
  CHECK_EQUAL(refused.load(), uint64_t{0});  // sum(bounds) ≥ m + 1: there is always a seat
  pool.check_empty();
}

TEST_MAIN
