// Clients that wait for a seat of a full pool: who is called, when, and that nobody is forgotten.
#include <deque>

#include "support/pools.h"
#include "support/test.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kTimeoutMs = 5'000;

// A client that picks, and may wait.
struct Client {
  uint64_t key = 0;
  Seat seat;
  Waiter waiter;
  bool waits = false;
};

class QueuePool : public TestPool, public WaitingRoom {
 public:
  explicit QueuePool(uint32_t size, PoolOptions options = {}) : TestPool(with_queue(options, size)) {}

  void call(const Waiter& waiter) override { called.push_back(waiter.id); }

  // kPoolFull: it waits.
  PickStatus come(Client& one, uint64_t key) {
    one.key = one.waiter.id = key;
    one.waiter.room = this;
    const PickStatus status = pool.pick(thread, client(key), one.seat, now_ms, true);
    if (status != PickStatus::kPoolFull) return status;
    one.waits = pool.wait(thread, one.seat, one.waiter, now_ms);
    if (one.waits) return status;
    release(one.seat);
    return PickStatus::kQueueFull;
  }
  PickStatus turn(Client& one) {
    const PickStatus status = pool.take_turn(thread, one.seat, one.waiter, now_ms);
    one.waits = status != PickStatus::kOk;
    return status;
  }
  void leave(Client& one, WaitEnd end) {
    pool.stop_waiting(thread, one.waiter, end, now_ms);
    one.waits = false;
    release(one.seat);
  }
  // Whom the room was told of since the last time.
  std::vector<uint64_t> take_called() { return std::exchange(called, {}); }

  std::vector<uint64_t> called;

 private:
  static PoolOptions with_queue(PoolOptions options, uint32_t size) {
    options.queue = {size, kTimeoutMs};
    return options;
  }
};

using Ids = std::vector<uint64_t>;

// One backend with so many seats, all of them taken.
struct FullPool : QueuePool {
  explicit FullPool(uint32_t seats, uint32_t size = 10, PoolOptions options = {}) : QueuePool(size, options) {
    set("b0", 1, seats);
    pool.publish();
    for (uint32_t i = 0; i < seats; i++) {
      CHECK_EQUAL(come(sitting.emplace_back(), 1'000 + i), PickStatus::kOk);
    }
  }
  void stand_up() {
    release(sitting.front().seat);
    sitting.pop_front();
  }
  void end() {
    while (!sitting.empty()) stand_up();
    check_empty();
    CHECK_EQUAL(pool.waiting(), 0U);
  }
  std::deque<Client> sitting;
};

}  // namespace

TEST("without a queue a full pool is full") {
  TestPool pool;
  pool.set("b0", 1, 1);
  pool.pool.publish();
  Seat first;
  Seat second;
  CHECK_EQUAL(pool.pool.pick(pool.thread, client(1), first, pool.now_ms, true), PickStatus::kOk);
  CHECK_EQUAL(pool.pool.pick(pool.thread, client(2), second, pool.now_ms, true), PickStatus::kPoolFull);
  CHECK_EQUAL(pool.counter(PoolCounter::kPoolFull), uint64_t{1});
  CHECK_EQUAL(pool.pool.waiting(), 0U);
  pool.release(first);
  pool.check_empty();
}

TEST("the limit of the pool makes clients wait, and whoever leaves or a higher one lets them in") {
  QueuePool pool(10, {.max_sessions = 2});
  pool.add_equal(3);
  Client inside[2];
  Client waiting[3];
  for (uint64_t i = 0; i < 2; i++) CHECK_EQUAL(pool.come(inside[i], i), PickStatus::kOk);
  for (uint64_t i = 0; i < 3; i++) CHECK_EQUAL(pool.come(waiting[i], 10 + i), PickStatus::kPoolFull);
  CHECK(pool.take_called().empty());
  pool.release(inside[0].seat);
  CHECK(pool.take_called() == Ids{10});
  CHECK_EQUAL(pool.turn(waiting[0]), PickStatus::kOk);
  CHECK(pool.take_called().empty());
  pool.pool.set_limits({.max_sessions = 4});
  CHECK((pool.take_called() == Ids{11, 12}));
  for (Client* const one : {&waiting[1], &waiting[2]}) CHECK_EQUAL(pool.turn(*one), PickStatus::kOk);
  pool.release(inside[1].seat);
  for (Client& one : waiting) pool.release(one.seat);
  pool.check_empty();
}

TEST("one is called when a session of the process before has ended") {
  QueuePool pool(10);
  pool.set("b0", 1, 2);
  pool.pool.publish();
  CHECK(pool.pool.inherit("b0", 2));
  Client waiting[2];
  for (uint64_t i = 0; i < 2; i++) CHECK_EQUAL(pool.come(waiting[i], i), PickStatus::kPoolFull);
  CHECK(pool.take_called().empty());
  CHECK(pool.pool.inherit("b0", 1));
  CHECK(pool.take_called() == Ids{0});
  CHECK_EQUAL(pool.turn(waiting[0]), PickStatus::kOk);
  CHECK(pool.pool.inherit("b0", 0));
  CHECK(pool.take_called() == Ids{1});
  CHECK_EQUAL(pool.turn(waiting[1]), PickStatus::kOk);
  for (Client& one : waiting) pool.release(one.seat);
  pool.check_empty();
}

TEST("first come, first served: one is called for each seat that is given back") {
  FullPool pool(2);
  Client waiting[3];
  for (uint64_t i = 0; i < 3; i++) CHECK_EQUAL(pool.come(waiting[i], i), PickStatus::kPoolFull);
  CHECK_EQUAL(pool.pool.waiting(), 3U);
  CHECK(pool.take_called().empty());
  pool.stand_up();
  CHECK(pool.take_called() == Ids{0});
  pool.stand_up();
  CHECK(pool.take_called() == Ids{1});
  // In whatever order they come to it.
  CHECK_EQUAL(pool.turn(waiting[1]), PickStatus::kOk);
  CHECK_EQUAL(pool.turn(waiting[0]), PickStatus::kOk);
  CHECK(pool.take_called().empty());
  pool.release(waiting[0].seat);
  CHECK(pool.take_called() == Ids{2});
  CHECK_EQUAL(pool.turn(waiting[2]), PickStatus::kOk);
  for (Client* const one : {&waiting[1], &waiting[2]}) pool.release(one->seat);
  CHECK_EQUAL(pool.counter(PoolCounter::kWaited), uint64_t{3});
  CHECK_EQUAL(pool.counter(PoolCounter::kPoolFull), uint64_t{0});
  pool.end();
}

TEST("a newcomer does not take the seat of those who were called") {
  FullPool pool(1);
  Client first;
  Client newcomer;
  CHECK_EQUAL(pool.come(first, 1), PickStatus::kPoolFull);
  pool.stand_up();
  CHECK_EQUAL(pool.come(newcomer, 2), PickStatus::kPoolFull);
  CHECK(pool.take_called() == Ids{1});
  CHECK_EQUAL(pool.turn(first), PickStatus::kOk);
  pool.release(first.seat);
  CHECK(pool.take_called() == Ids{2});
  CHECK_EQUAL(pool.turn(newcomer), PickStatus::kOk);
  pool.release(newcomer.seat);
  pool.end();
}

TEST("whoever finds the queue full is refused, and keeps nothing") {
  PoolOptions options;
  options.limits.sessions = 1;
  FullPool pool(1, 2, options);
  Client waiting[2];
  for (uint64_t i = 0; i < 2; i++) CHECK_EQUAL(pool.come(waiting[i], i), PickStatus::kPoolFull);
  Client late;
  CHECK_EQUAL(pool.come(late, 9), PickStatus::kQueueFull);
  CHECK_EQUAL(pool.counter(PoolCounter::kQueueFull), uint64_t{1});
  // One who waits is a session of its key; one who was refused is none.
  Client same;
  CHECK_EQUAL(pool.come(same, 0), PickStatus::kKeySessions);
  pool.leave(waiting[0], WaitEnd::kGone);
  CHECK_EQUAL(pool.come(late, 9), PickStatus::kPoolFull);
  for (Client* const one : {&waiting[1], &late}) pool.leave(*one, WaitEnd::kTimeout);
  CHECK_EQUAL(pool.counter(PoolCounter::kQueueLeft), uint64_t{1});
  CHECK_EQUAL(pool.counter(PoolCounter::kQueueTimeouts), uint64_t{2});
  pool.end();
}

TEST("one who was called and leaves passes his turn on; the time that all waited is counted") {
  FullPool pool(1);
  Client waiting[3];
  for (uint64_t i = 0; i < 3; i++) CHECK_EQUAL(pool.come(waiting[i], i), PickStatus::kPoolFull);
  pool.now_ms += 100;
  pool.leave(waiting[1], WaitEnd::kGone);
  CHECK(pool.take_called().empty());
  pool.stand_up();
  CHECK(pool.take_called() == Ids{0});
  pool.leave(waiting[0], WaitEnd::kTimeout);
  CHECK(pool.take_called() == Ids{2});
  pool.now_ms += 100;
  CHECK_EQUAL(pool.turn(waiting[2]), PickStatus::kOk);
  pool.release(waiting[2].seat);
  CHECK_EQUAL(pool.counter(PoolCounter::kWaitedMs), uint64_t{400});
  pool.end();
}

TEST("one whose seat was taken before he came is back in his old place") {
  FullPool pool(1);
  Client waiting[2];
  for (uint64_t i = 0; i < 2; i++) CHECK_EQUAL(pool.come(waiting[i], i), PickStatus::kPoolFull);
  pool.stand_up();
  Seat thief;
  CHECK_EQUAL(pool.pick(77, thief), PickStatus::kOk);  // pick() of a program does not wait
  CHECK_EQUAL(pool.turn(waiting[0]), PickStatus::kPoolFull);
  CHECK(pool.take_called() == Ids{0});
  CHECK_EQUAL(pool.turn(waiting[0]), PickStatus::kPoolFull);  // nobody called it
  pool.release(thief);
  CHECK(pool.take_called() == Ids{0});
  CHECK_EQUAL(pool.turn(waiting[0]), PickStatus::kOk);
  pool.leave(waiting[1], WaitEnd::kCut);
  pool.release(waiting[0].seat);
  pool.end();
}

TEST("several whose seats were taken come back in their order") {
  FullPool pool(3);
  Client waiting[4];
  for (uint64_t i = 0; i < 4; i++) CHECK_EQUAL(pool.come(waiting[i], i), PickStatus::kPoolFull);
  for (unsigned i = 0; i < 3; i++) pool.stand_up();
  CHECK(pool.take_called() == (Ids{0, 1, 2}));
  Seat thieves[3];
  for (uint64_t i = 0; i < 3; i++) CHECK_EQUAL(pool.pick(70 + i, thieves[i]), PickStatus::kOk);
  for (const unsigned i : {1U, 2U, 0U}) CHECK_EQUAL(pool.turn(waiting[i]), PickStatus::kPoolFull);
  for (Seat& thief : thieves) pool.release(thief);
  CHECK(pool.take_called() == (Ids{0, 1, 2}));
  for (unsigned i = 0; i < 3; i++) CHECK_EQUAL(pool.turn(waiting[i]), PickStatus::kOk);
  for (unsigned i = 0; i < 3; i++) pool.release(waiting[i].seat);
  CHECK(pool.take_called() == Ids{3});
  pool.leave(waiting[3], WaitEnd::kGone);
  pool.end();
}

TEST("what a change of backends gives is called: more seats, another backend, one that is up again, no limit") {
  FullPool pool(1, 20);
  Client waiting[10];
  for (uint64_t i = 0; i < 10; i++) CHECK_EQUAL(pool.come(waiting[i], i), PickStatus::kPoolFull);
  pool.set("b0", 1, 3);
  pool.pool.publish();
  CHECK(pool.take_called() == (Ids{0, 1}));
  pool.set("b1", 1, 1, BackendState::kDown);
  pool.pool.publish();
  CHECK(pool.take_called().empty());
  pool.set("b1", 1, 1, BackendState::kReady);
  pool.pool.publish();
  CHECK(pool.take_called() == Ids{2});
  pool.set("b2", 1, 2);
  pool.pool.publish();
  CHECK(pool.take_called() == (Ids{3, 4}));
  for (unsigned i = 0; i < 5; i++) CHECK_EQUAL(pool.turn(waiting[i]), PickStatus::kOk);
  CHECK(pool.take_called().empty());
  pool.set("b2", 1, 0);
  pool.pool.publish();
  CHECK(pool.take_called() == (Ids{5, 6, 7, 8, 9}));
  for (unsigned i = 5; i < 10; i++) CHECK_EQUAL(pool.turn(waiting[i]), PickStatus::kOk);
  for (Client& one : waiting) pool.release(one.seat);
  pool.end();
}

TEST("nobody eligible: those who wait wait on, and a seat that nobody may have calls nobody") {
  FullPool pool(2);
  Client one;
  CHECK_EQUAL(pool.come(one, 1), PickStatus::kPoolFull);
  pool.set("b0", 1, 2, BackendState::kDown);
  pool.pool.publish();
  pool.stand_up();
  CHECK(pool.take_called().empty());
  pool.set("b0", 1, 2);
  pool.pool.publish();
  CHECK(pool.take_called() == Ids{1});
  pool.set("b0", 1, 2, BackendState::kDown);
  pool.pool.publish();
  CHECK_EQUAL(pool.turn(one), PickStatus::kNoBackend);
  CHECK_EQUAL(pool.pool.waiting(), 1U);
  pool.set("b0", 1, 2);
  pool.pool.publish();
  CHECK(pool.take_called() == Ids{1});
  CHECK_EQUAL(pool.turn(one), PickStatus::kOk);
  pool.release(one.seat);
  pool.end();
}

TEST("a client whose pin leads to a backend that drains has no need to wait") {
  FullPool pool(1);
  pool.set("old", 1, 0);
  pool.pool.publish();
  uint64_t key = 1;
  while (pool.visit(key) != "old") key++;
  pool.set("old", 1, 0, BackendState::kDrain);
  pool.pool.publish();
  Client waiting;
  Client pinned;
  CHECK_EQUAL(pool.come(waiting, 9'999), PickStatus::kPoolFull);
  CHECK_EQUAL(pool.come(pinned, key), PickStatus::kOk);
  CHECK_EQUAL(pinned.seat.backend->name, std::string("old"));
  pool.release(pinned.seat);
  CHECK(pool.take_called().empty());
  pool.leave(waiting, WaitEnd::kGone);
  pool.end();
}

TEST("a pinned client is served by whoever has a seat first, and keeps its pin") {
  QueuePool pool(10);
  pool.set("b0", 1, 1);
  pool.set("b1", 1, 1);
  pool.pool.publish();
  uint64_t key = 1;
  while (pool.visit(key) != "b0") key++;
  Client sitting[2];
  for (uint64_t i = 0; i < 2; i++) CHECK_EQUAL(pool.come(sitting[i], 500 + i), PickStatus::kOk);
  Client pinned;
  CHECK_EQUAL(pool.come(pinned, key), PickStatus::kPoolFull);
  Client& other = sitting[sitting[0].seat.backend->name == "b1" ? 0 : 1];
  pool.release(other.seat);
  CHECK_EQUAL(pool.turn(pinned), PickStatus::kOk);
  CHECK_EQUAL(pinned.seat.backend->name, std::string("b1"));
  CHECK_EQUAL(pinned.seat.reason, Reason::kOverflow);
  pool.confirm(pinned.seat);
  CHECK_EQUAL(pool.pin(key), std::string("b0"));
  pool.release(pinned.seat);
  for (Client& one : sitting) pool.release(one.seat);
  pool.check_empty();
}

TEST("the seat of a connect that failed is free for those who wait") {
  QueuePool pool(10);
  pool.set("b0", 1, 1);
  pool.set("b1", 1, 1);
  pool.pool.publish();
  Client sitting[2];
  for (uint64_t i = 0; i < 2; i++) CHECK_EQUAL(pool.come(sitting[i], i), PickStatus::kOk);
  Client waiting;
  CHECK_EQUAL(pool.come(waiting, 7), PickStatus::kPoolFull);
  CHECK_EQUAL(pool.redispatch(sitting[0].seat), PickStatus::kPoolFull);
  CHECK(pool.take_called() == Ids{7});
  // It waits, too, behind the other.
  sitting[0].waiter = {.room = &pool, .id = 8};
  CHECK(pool.pool.wait(pool.thread, sitting[0].seat, sitting[0].waiter, pool.now_ms));
  CHECK(pool.take_called().empty());
  CHECK_EQUAL(pool.turn(waiting), PickStatus::kOk);
  pool.release(sitting[1].seat);
  CHECK(pool.take_called() == Ids{8});
  CHECK_EQUAL(pool.turn(sitting[0]), PickStatus::kOk);
  for (Client* const one : {&sitting[0], &waiting}) pool.release(one->seat);
  pool.check_empty();
}

namespace {

// A step of one of several clients: whatever is possible for it.
void step(QueuePool& pool, Client& one, Random& random) {
  if (one.waits && random.chance(10)) {
    pool.leave(one, WaitEnd::kGone);
  } else if (one.waits) {
    pool.turn(one);
  } else if (!one.seat.backend) {
    one.seat = {};
    pool.come(one, one.key);
  } else if (random.chance(20)) {
    if (pool.redispatch(one.seat, true) == PickStatus::kPoolFull) {
      one.waits = pool.pool.wait(pool.thread, one.seat, one.waiter, pool.now_ms);
      if (!one.waits) pool.release(one.seat);
    } else if (!one.seat.backend) {
      pool.release(one.seat);
    }
  } else {
    pool.release(one.seat);
  }
}

}  // namespace

TEST("any order of steps: as long as somebody waits, nobody is called too much or forgotten") {
  Random random(5);
  for (uint64_t round = 0; round < rounds(300, 20'000); round++) {
    QueuePool pool(4);
    for (unsigned i = 0; i < 3; i++) pool.set("b" + std::to_string(i), 1, 1);
    pool.pool.publish();
    Client clients[9];
    for (uint64_t i = 0; i < 9; i++) clients[i].key = i;
    for (unsigned i = 0; i < 200; i++) {
      if (random.chance(5)) {
        const auto state = random.chance(50) ? BackendState::kReady : BackendState::kDown;
        pool.set("b" + std::to_string(random.below(3)), 1, static_cast<uint32_t>(random.between(1, 2)), state);
        pool.pool.publish();
      }
      step(pool, clients[random.below(9)], random);
      unsigned free = 0;
      for (const RosterEntry& entry : pool.pool.roster().entries) {
        if (!entry.eligible()) continue;
        free += entry.max_sessions - std::min(entry.max_sessions, entry.backend->sessions());
      }
      unsigned waiting = 0;
      unsigned called = 0;
      for (const Client& one : clients) {
        waiting += one.waits && one.waiter.state == Waiter::State::kWaiting ? 1 : 0;
        called += one.waits && one.waiter.state == Waiter::State::kCalled ? 1 : 0;
      }
      CHECK_EQUAL(waiting + called, pool.pool.waiting());
      if (waiting > 0 && called < free) FAIL("somebody waits although there is a seat");
    }
    for (Client& one : clients) {
      if (one.waits) pool.leave(one, WaitEnd::kCut);
      if (one.seat.backend) pool.release(one.seat);
    }
    pool.check_empty();
    CHECK_EQUAL(pool.pool.waiting(), 0U);
  }
}

namespace {

// A thread's room: calls come from any thread.
class ThreadRoom : public WaitingRoom {
 public:
  void call(const Waiter& waiter) override { called_[waiter.place].store(true, std::memory_order_release); }
  bool take(uint32_t place) { return called_[place].exchange(false, std::memory_order_acq_rel); }

 private:
  std::array<std::atomic<bool>, 8> called_{};
};

}  // namespace

// With nobody leaving, everybody who waits must be called in the end: a call that is lost would hold the test up.
namespace {

constexpr unsigned kThreads = 4;
constexpr unsigned kClients = 6;

// More clients come than there are seats, all of them wait for theirs, and everybody is served.
void serve_everybody(QueuePool& pool) {
  const uint64_t turns = rounds(3'000, 200'000);
  std::atomic<unsigned> late{0};
  run_threads(kThreads, [&](unsigned number) {
    Pool::Thread thread(*pool.domain);
    ThreadRoom room;
    Random random(number);
    Client clients[kClients];
    uint64_t served = 0;
    uint64_t live = 0;
    const auto began = std::chrono::steady_clock::now();
    for (uint64_t i = 0; served < turns || live > 0; i++) {
      const EpochGuard guard(thread);
      const auto place = static_cast<uint32_t>(i % kClients);
      Client& one = clients[place];
      if (one.waits) {
        if (!room.take(place)) {
          if (place == 0) sched_yield();
          if (std::chrono::steady_clock::now() - began > 5 * kPatience) {
            late.fetch_add(1);
            pool.pool.stop_waiting(thread, one.waiter, WaitEnd::kTimeout, kStartMs);
            one.waits = false;
            live--;
          }
          continue;
        }
        one.waits = pool.pool.take_turn(thread, one.seat, one.waiter, kStartMs) != PickStatus::kOk;
      } else if (one.seat.backend) {
        pool.pool.release(one.seat, false, kStartMs);
        served++;
        live--;
      } else if (served < turns) {
        one.seat = {};
        one.waiter = {.room = &room, .place = place};
        const uint64_t key = number * 100 + random.below(50);
        const PickStatus status = pool.pool.pick(thread, client(key), one.seat, kStartMs, true);
        if (status == PickStatus::kPoolFull) {
          one.waits = pool.pool.wait(thread, one.seat, one.waiter, kStartMs);
          if (!one.waits) FAIL("there was room for all");
        }
        live++;
      }
    }
  });
  CHECK_EQUAL(late.load(), 0U);
  CHECK(pool.counter(PoolCounter::kWaited) > 0);
  CHECK_EQUAL(pool.pool.waiting(), 0U);
  pool.check_empty();
}

}  // namespace

TEST("many threads: every client is served in the end, and the seats are never too many") {
  QueuePool pool(kThreads * kClients);
  pool.set("b0", 1, 2);
  pool.set("b1", 1, 1);
  pool.pool.publish();
  serve_everybody(pool);
}

TEST("the same where the pool has a limit of its own") {
  QueuePool pool(kThreads * kClients, {.max_sessions = 3});
  pool.set("b0", 1, 2);
  pool.set("b1");
  pool.pool.publish();
  serve_everybody(pool);
}

TEST_MAIN
