// Picks: who is refused, who is followed, who gets the least loaded.
#include <algorithm>
#include <set>

#include "support/pools.h"
#include "support/test.h"

using namespace limpet;
using namespace limpet::test;

TEST("a pool without backends refuses: no backend") {
  TestPool pool;
  Seat seat;
  CHECK_EQUAL(pool.pick(1, seat), PickStatus::kNoBackend);
  CHECK_EQUAL(pool.pick_without_key(seat), PickStatus::kNoBackend);
  CHECK(seat.backend == nullptr && !seat.counted);
  pool.check_empty();
  CHECK_EQUAL(pool.counter(PoolCounter::kNoBackend), uint64_t{2});
  CHECK_EQUAL(pool.pin(1), "");
}

TEST("nobody eligible: no backend; all eligible at maxSessions: pool full") {
  TestPool pool;
  pool.set("down", 1, 0, BackendState::kDown);
  pool.set("drain", 1, 0, BackendState::kDrain);
  pool.set("light", 0);
  pool.pool.publish();
  Seat seat;
  CHECK_EQUAL(pool.pick(1, seat), PickStatus::kNoBackend);
  pool.set("a", 1, 1);
  pool.set("b", 1, 2);
  pool.pool.publish();
  std::vector<Seat> seats(3);
  for (uint64_t i = 0; i < 3; i++) CHECK_EQUAL(pool.pick(i, seats[i]), PickStatus::kOk);
  for (uint64_t i = 10; i < 30; i++) {
    Seat one;
    CHECK_EQUAL(pool.pick(i, one), PickStatus::kPoolFull);
    CHECK_EQUAL(pool.pick_without_key(one), PickStatus::kPoolFull);
    CHECK_EQUAL(pool.pin(i), "");
  }
  CHECK_EQUAL(pool.pool.seats(), uint64_t{3});
  CHECK_EQUAL(pool.counter(PoolCounter::kPoolFull), uint64_t{40});
  // One leaves: the seat is there for the next.
  pool.release(seats[0]);
  seats[0] = Seat{};
  CHECK_EQUAL(pool.pick(50, seats[0]), PickStatus::kOk);
  // The full ones go down: nobody is eligible.
  pool.set("a", 1, 1, BackendState::kDown);
  pool.set("b", 1, 2, BackendState::kDrain);
  pool.pool.publish();
  Seat last;
  CHECK_EQUAL(pool.pick(60, last), PickStatus::kNoBackend);
  for (Seat& one : seats) pool.release(one);
  pool.check_empty();
}

TEST("a pin is followed: at home, with its reason, beyond the bound") {
  TestPool pool({.bound_milli = 1000});
  pool.add_equal(10);
  const std::string home = pool.order(1)[0];
  CHECK_EQUAL(pool.visit(1), home);
  CHECK_EQUAL(pool.pin(1), home);
  std::vector<Seat> seats(40);
  for (Seat& seat : seats) {
    REQUIRE(pool.pick(1, seat) == PickStatus::kOk);
    CHECK_EQUAL(seat.backend->name, home);
    CHECK_EQUAL(seat.reason, Reason::kPin);
  }
  CHECK_EQUAL(pool.sessions(home), 40U);  // the bound would be 4
  for (Seat& seat : seats) pool.release(seat);
  pool.check_empty();
  CHECK_EQUAL(pool.counter(PoolCounter::kPin), uint64_t{40});
  CHECK_EQUAL(pool.counter(PoolCounter::kTableHits), uint64_t{40});
}

TEST("a pin does not beat maxSessions: this session overflows, the pin stays") {
  TestPool pool({.bound_milli = 0});
  for (unsigned i = 0; i < 4; i++) pool.set("b" + std::to_string(i), 1, 2);
  pool.pool.publish();
  const std::string home = pool.visit(1);
  std::vector<Seat> seats(3);
  for (Seat& seat : seats) REQUIRE(pool.pick(1, seat) == PickStatus::kOk);
  CHECK_EQUAL(seats[1].backend->name, home);
  CHECK(seats[2].backend->name != home);
  CHECK_EQUAL(seats[2].reason, Reason::kOverflow);
  pool.confirm(seats[2]);
  CHECK_EQUAL(pool.pin(1), home);
  for (Seat& seat : seats) pool.release(seat);
  CHECK_EQUAL(pool.visit(1), home);
  pool.check_empty();
}

TEST("a pin does not beat a backend that is down: the client moves, with the pin") {
  TestPool pool;
  pool.add_equal(5);
  const std::string home = pool.visit(1);
  pool.set(home, 1, 0, BackendState::kDown);
  pool.pool.publish();
  Seat seat;
  REQUIRE(pool.pick(1, seat) == PickStatus::kOk);
  CHECK_EQUAL(seat.backend->name, pool.order(1)[1]);
  CHECK_EQUAL(seat.reason, Reason::kFailover);
  CHECK_EQUAL(pool.pin(1), seat.backend->name + "?");
  pool.confirm(seat);
  pool.release(seat);
  // Its home is back: the pin holds.
  pool.set(home);
  pool.pool.publish();
  CHECK_EQUAL(pool.visit(1), pool.order(1)[1]);
  CHECK(pool.found(1)->pin.away);
}

TEST("a draining backend, or one of weight 0, serves its pins and no new keys") {
  for (const bool drain : {true, false}) {
    TestPool pool;
    pool.add_equal(3);
    std::set<std::string> homes;
    for (uint64_t i = 0; i < 30; i++) homes.insert(pool.visit(i));
    CHECK_EQUAL(homes.size(), size_t{3});
    if (drain) {
      pool.set("b1", 1, 0, BackendState::kDrain);
    } else {
      pool.set("b1", 0);
    }
    pool.pool.publish();
    unsigned pinned = 0;
    for (uint64_t i = 0; i < 30; i++) {
      const std::string pin = pool.pin(i);
      CHECK_EQUAL(pool.visit(i), pin);
      pinned += pin == "b1";
    }
    CHECK(pinned > 0);
    for (uint64_t i = 100; i < 200; i++) CHECK(pool.visit(i) != "b1");
  }
}

TEST("health never changes a home: a backend that is back gets its keys again") {
  TestPool pool({.table_size = 0});
  pool.add_equal(20);
  std::vector<std::string> homes;
  for (uint64_t i = 0; i < 500; i++) homes.push_back(pool.visit(i));
  const Placement* const placement = pool.pool.roster().primaries.placement.get();
  for (const BackendState state : {BackendState::kDown, BackendState::kDrain}) {
    pool.set("b3", 1, 0, state);
    pool.set("b4", 1, 7, state);
    pool.pool.publish();
    CHECK(pool.pool.roster().primaries.placement.get() == placement);  // nothing is computed anew
    for (uint64_t i = 0; i < 500; i++) {
      const std::string name = pool.visit(i);
      if (homes[i] == "b3" || homes[i] == "b4") {
        CHECK(name != "b3" && name != "b4");
      } else {
        CHECK_EQUAL(name, homes[i]);
      }
    }
  }
  pool.set("b3");
  pool.set("b4");
  pool.pool.publish();
  for (uint64_t i = 0; i < 500; i++) CHECK_EQUAL(pool.visit(i), homes[i]);
}

TEST("without a key: the least loaded by weight, unpinned") {
  TestPool pool;
  Random random;
  for (unsigned i = 0; i < 8; i++) pool.set("b" + std::to_string(i), 1 + i % 3, i == 5 ? 4 : 0);
  pool.set("down", 9, 0, BackendState::kDown);
  pool.pool.publish();
  std::vector<Seat> seats;
  for (unsigned i = 0; i < 300; i++) {
    if (!seats.empty() && random.chance(30)) {
      std::swap(seats[random.below(seats.size())], seats.back());
      pool.release(seats.back());
      seats.pop_back();
      continue;
    }
    uint64_t least = UINT64_MAX;
    for (const RosterEntry& entry : pool.pool.roster().entries) {
      if (entry.eligible() && !entry.full())
        least = std::min(least, uint64_t{entry.backend->sessions()} * 6 / entry.weight);
    }
    seats.emplace_back();
    REQUIRE(pool.pick_without_key(seats.back()) == PickStatus::kOk);
    const Seat& seat = seats.back();
    CHECK_EQUAL(seat.reason, Reason::kNoKey);
    CHECK_EQUAL((seat.backend->sessions() - 1) * 6 / pool.entry(seat.backend->name)->weight, least);
    pool.confirm(seats.back());
  }
  CHECK_EQUAL(pool.pool.table()->entries(), size_t{0});
  for (Seat& seat : seats) pool.release(seat);
  pool.check_empty();
}

TEST("without a key: a redispatch goes to another backend") {
  TestPool pool;
  pool.add_equal(3);
  Seat seat;
  std::set<std::string> names;
  REQUIRE(pool.pick_without_key(seat) == PickStatus::kOk);
  names.insert(seat.backend->name);
  for (unsigned i = 0; i < 2; i++) {
    CHECK_EQUAL(pool.redispatch(seat), PickStatus::kOk);
    CHECK_EQUAL(seat.reason, Reason::kRedispatch);
    names.insert(seat.backend->name);
  }
  CHECK_EQUAL(names.size(), size_t{3});
  CHECK_EQUAL(pool.redispatch(seat), PickStatus::kNoBackend);
  pool.release(seat, true);
  pool.check_empty();
}

TEST("without a stick table every pick goes by placement") {
  TestPool pool({.bound_milli = 1000, .table_size = 0});
  pool.add_equal(4);
  const auto order = pool.order(1);
  std::vector<Seat> seats(4);
  for (size_t i = 0; i < 4; i++) {
    REQUIRE(pool.pick(1, seats[i]) == PickStatus::kOk);
    CHECK_EQUAL(seats[i].backend->name, order[i]);
    CHECK_EQUAL(seats[i].reason, i == 0 ? Reason::kHome : Reason::kOverflow);
    pool.confirm(seats[i]);
  }
  for (Seat& seat : seats) pool.release(seat);
  pool.check_empty();
}

TEST("a full stick table: the newcomer is served by placement and not pinned, and that is counted") {
  TestPool pool({.bound_milli = 0, .table_size = 11});
  pool.add_equal(5);
  for (uint64_t i = 0; i < 11; i++) {
    pool.visit(i);
    pool.now_ms += 1'000;
    pool.visit(i);  // a second visit: no victim
  }
  const std::string name = pool.visit(100);
  CHECK_EQUAL(name, pool.order(100)[0]);
  CHECK_EQUAL(pool.pin(100), "");
  CHECK_EQUAL(pool.counter(PoolCounter::kTableRejected), uint64_t{1});
  CHECK_EQUAL(pool.counter(PoolCounter::kTableInserted), uint64_t{11});
  for (uint64_t i = 0; i < 11; i++) CHECK(!pool.pin(i).empty());
}

TEST("a pin lives as long as a session of its key; the ttl counts from the end of the last") {
  TestPool pool({.bound_milli = 1000});
  pool.add_equal(5);
  std::vector<Seat> seats(2);
  for (Seat& seat : seats) {
    REQUIRE(pool.pick(1, seat) == PickStatus::kOk);
    pool.confirm(seat);
  }
  const std::string name = seats[0].backend->name;
  pool.now_ms += 5 * kTtlMs;
  CHECK_EQUAL(pool.pin(1), name);
  pool.release(seats[0]);
  pool.now_ms += 5 * kTtlMs;
  CHECK_EQUAL(pool.pin(1), name);
  pool.release(seats[1]);
  pool.now_ms += kTtlMs - 1'000;
  CHECK_EQUAL(pool.pin(1), name);
  pool.now_ms += 2'000;
  CHECK_EQUAL(pool.pin(1), "");
}

TEST("each visit starts the ttl anew") {
  TestPool pool;
  pool.add_equal(5);
  for (unsigned i = 0; i < 10; i++) {
    pool.visit(1);
    pool.now_ms += kTtlMs - 500;
    CHECK(!pool.pin(1).empty());
  }
}

TEST("a pin knows whether it is away from home") {
  TestPool pool({.bound_milli = 1000});
  pool.add_equal(4);
  uint64_t twin = 2;
  while (pool.order(twin)[0] != pool.order(1)[0]) twin++;
  Seat one;
  Seat two;
  REQUIRE(pool.pick(1, one) == PickStatus::kOk && pool.pick(twin, two) == PickStatus::kOk);
  CHECK_EQUAL(one.reason, Reason::kHome);
  CHECK_EQUAL(two.reason, Reason::kOverflow);
  CHECK(!pool.found(1)->pin.away);
  CHECK(pool.found(twin)->pin.away);
  pool.release(one);
  pool.release(two);
}

TEST("blame counts against the backend, releases give everything back") {
  TestPool pool;
  pool.add_equal(2);
  Seat seat;
  REQUIRE(pool.pick(1, seat) == PickStatus::kOk);
  Pool::blame(seat);
  CHECK_EQUAL(seat.backend->connect_failures(), uint64_t{1});
  CHECK_EQUAL(seat.backend->total(), uint64_t{1});
  CHECK_EQUAL(pool.pool.seats(), uint64_t{1});
  pool.release(seat);
  pool.release(seat);  // nothing more to give
  pool.check_empty();
}

TEST_MAIN
