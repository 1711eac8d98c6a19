// What becomes of a pin when all tries fail, when the cause is local, and what bounds the tries.
#include "support/five_pool.h"

using namespace limpet;
using namespace limpet::test;

TEST("when all tries fail, the pick's own provisional pin is removed") {
  Five pool;
  Seat seat;
  pool.begin(seat);
  for (size_t i = 1; i < 5; i++) CHECK_EQUAL(pool.fail(seat), pool.nth(i));
  CHECK_EQUAL(pool.redispatch(seat), PickStatus::kNoBackend);
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), "");
  CHECK_EQUAL(pool.pool.table()->entries(), size_t{0});
  pool.check_empty();
}

TEST("a pick that fails at once removes its provisional pin") {
  Five pool;
  Seat seat;
  pool.begin(seat);
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), "");
  pool.check_empty();
}

TEST("when all tries fail, a provisional pin that another session uses stays") {
  Five pool;
  Seat gives_up, goes_on;
  pool.begin(gives_up);
  pool.begin(goes_on);
  pool.release(gives_up, true);
  CHECK_EQUAL(pool.pin(1), pool.nth(0) + "?");
  pool.confirm(goes_on);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(goes_on);
  pool.check_empty();
}

TEST("when all tries fail, a confirmed pin is left") {
  Five pool;
  pool.visit(1);
  Seat seat;
  CHECK_EQUAL(pool.begin(seat), pool.nth(0));
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
}

TEST("when all tries fail, a confirmed pin that was swapped meanwhile is put back") {
  Five pool;
  pool.pin_to_second();
  Seat seat;
  CHECK_EQUAL(pool.begin(seat), pool.nth(1));
  CHECK_EQUAL(pool.fail(seat), pool.nth(0));
  CHECK_EQUAL(pool.fail(seat), pool.nth(2));
  CHECK_EQUAL(pool.fail(seat), pool.nth(3));
  CHECK_EQUAL(pool.pin(1), pool.nth(3) + "?");
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), pool.nth(1));
  CHECK(pool.found(1)->pin.away);
  pool.check_empty();
}

TEST("a confirmed pin is left, too, when parallel sessions of its key all fail") {
  for (const bool same_order : {true, false}) {
    Five pool;
    pool.pin_to_second();
    Seat first, second;
    pool.begin(first);
    pool.begin(second);
    pool.fail(first);
    pool.fail(second);
    pool.release(same_order ? first : second, true);
    pool.release(same_order ? second : first, true);
    CHECK_EQUAL(pool.pin(1), pool.nth(1));
    pool.check_empty();
  }
}

TEST("a client that leaves while it connects leaves the pin to who goes on, and takes it along") {
  Five pool;
  pool.pin_to_second();
  Seat leaves, stays;
  pool.begin(leaves);
  pool.begin(stays);
  CHECK_EQUAL(pool.fail(leaves), pool.nth(0));
  CHECK_EQUAL(pool.fail(stays), pool.nth(0));
  pool.release(leaves, true);
  CHECK_EQUAL(pool.pin(1), pool.nth(0) + "?");
  pool.confirm(stays);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(stays);
  pool.check_empty();
}

TEST("a confirmed pin to a backend that is down is left when all tries elsewhere fail") {
  Five pool;
  pool.pin_to_second();
  pool.set(pool.nth(1), 1, 0, BackendState::kDown);
  pool.pool.publish();
  Seat seat;
  CHECK_EQUAL(pool.begin(seat), pool.nth(0));
  CHECK_EQUAL(pool.pin(1), pool.nth(0) + "?");
  pool.fail(seat);
  pool.release(seat, true);
  pool.set(pool.nth(1));
  pool.pool.publish();
  CHECK_EQUAL(pool.visit(1), pool.nth(1));
  pool.check_empty();
}

TEST("a confirmed pin that had expired does not come back") {
  Five pool;
  pool.pin_to_second();
  pool.now_ms += 2 * kTtlMs;
  const uint64_t inserted = pool.counter(PoolCounter::kTableInserted);
  Seat seat;
  CHECK_EQUAL(pool.begin(seat), pool.nth(0));
  CHECK_EQUAL(pool.counter(PoolCounter::kTableInserted), inserted + 1);
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), "");
  pool.check_empty();
}

TEST("a pin that replaced one to a backend which was removed is only removed") {
  Five pool;
  pool.pin_to_second();
  pool.pool.remove_backend(pool.nth(1));
  pool.pool.publish();
  Seat seat;
  CHECK_EQUAL(pool.begin(seat), pool.nth(0));
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), "");
  pool.check_empty();
}

TEST("no local port, and nothing else: the pick's own provisional pin is removed") {
  for (const bool then_refused : {false, true}) {
    Five pool;
    Seat seat;
    pool.begin(seat);
    pool.fail(seat, true);
    if (then_refused) pool.fail(seat);
    pool.release(seat, true);
    CHECK_EQUAL(pool.pin(1), "");
    pool.check_empty();
  }
}

TEST("no local port, then where a parallel session took the pin: it is confirmed there") {
  Five pool;
  Seat moves, follows;
  pool.begin(moves);
  pool.begin(follows);
  CHECK_EQUAL(pool.fail(moves), pool.nth(1));
  CHECK_EQUAL(pool.fail(follows, true), pool.nth(1));
  pool.confirm(follows);
  CHECK_EQUAL(pool.pin(1), pool.nth(1));
  pool.release(moves, true);
  pool.release(follows);
  CHECK_EQUAL(pool.pin(1), pool.nth(1));
  pool.check_empty();
}

TEST("the ttl runs from the end of a session also when another one of its key is still connecting, and fails") {
  Five pool;
  Seat serves, fails;
  pool.begin(serves);
  pool.confirm(serves);
  pool.begin(fails);
  pool.now_ms += 2 * kTtlMs;
  pool.release(serves);
  pool.release(fails, true);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.check_empty();
}

TEST("tries that take longer than the ttl leave a confirmed pin") {
  Five pool;
  pool.pin_to_second();
  Seat seat;
  pool.begin(seat);
  for (const size_t next : {0U, 2U}) {
    pool.now_ms += 2 * kTtlMs;
    CHECK_EQUAL(pool.fail(seat), pool.nth(next));
  }
  pool.now_ms += 2 * kTtlMs;
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), pool.nth(1));
  pool.check_empty();
}

TEST("no local port: only this session goes elsewhere, a confirmed pin stays") {
  Five pool;
  pool.visit(1);
  Seat seat;
  pool.begin(seat);
  CHECK_EQUAL(pool.fail(seat, true), pool.nth(1));
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.confirm(seat);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(seat);
  CHECK_EQUAL(pool.visit(1), pool.nth(0));
}

TEST("no local port, then a backend that refuses: the pin stays all the same") {
  Five pool;
  pool.visit(1);
  Seat seat;
  pool.begin(seat);
  pool.fail(seat, true);
  CHECK_EQUAL(pool.fail(seat), pool.nth(2));
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.check_empty();
}

TEST("a pinned backend at maxSessions: neither success nor failure elsewhere touches the pin") {
  for (const bool fails : {false, true}) {
    Five pool;
    pool.visit(1);
    pool.set(pool.nth(0), 1, 1);
    pool.pool.publish();
    Seat holds, other;
    CHECK_EQUAL(pool.begin(holds), pool.nth(0));
    CHECK_EQUAL(pool.begin(other), pool.nth(1));
    CHECK_EQUAL(other.reason, Reason::kOverflow);
    if (fails) {
      CHECK_EQUAL(pool.fail(other), pool.nth(2));
    } else {
      pool.confirm(other);
    }
    CHECK_EQUAL(pool.pin(1), pool.nth(0));
    pool.release(other, fails);
    pool.release(holds);
    CHECK_EQUAL(pool.pin(1), pool.nth(0));
    pool.check_empty();
  }
}

TEST("a redispatch obeys the bound") {
  Five pool(1000);
  for (const size_t at : {0U, 2U, 3U, 4U}) pool.set(pool.nth(at), 1, 0, BackendState::kDown);
  pool.pool.publish();
  std::vector<Seat> others(8);
  for (uint64_t i = 0; i < 8; i++) REQUIRE(pool.pick(100 + i, others[i]) == PickStatus::kOk);
  for (const size_t at : {0U, 2U, 3U, 4U}) pool.set(pool.nth(at));
  pool.pool.publish();
  Seat seat;
  CHECK_EQUAL(pool.begin(seat), pool.nth(0));
  // Of the four that are left the next one has eight sessions, and its bound is ceil(9 / 4).
  CHECK_EQUAL(pool.fail(seat), pool.nth(2));
  pool.release(seat, true);
  for (Seat& one : others) pool.release(one);
  pool.check_empty();
}

TEST("tries are each on another backend, as many as there are") {
  Five pool;
  Seat seat;
  pool.begin(seat);
  std::vector<std::string> tried{seat.backend->name};
  for (unsigned i = 0; i < 4; i++) {
    const std::string next = pool.fail(seat);
    for (const std::string& name : tried) CHECK(name != next);
    tried.push_back(next);
  }
  CHECK_EQUAL(pool.redispatch(seat), PickStatus::kNoBackend);
  CHECK(seat.backend == nullptr && !seat.counted);
  pool.release(seat, true);
  pool.check_empty();
}

TEST("a redispatch that finds all others at maxSessions is refused: pool full") {
  Five pool;
  for (size_t i = 1; i < 5; i++) pool.set(pool.nth(i), 1, 1);
  pool.pool.publish();
  std::vector<Seat> others;
  for (uint64_t i = 100; others.size() < 4; i++) {
    Seat seat;
    REQUIRE(pool.pick(i, seat) == PickStatus::kOk);
    if (seat.backend->name == pool.nth(0)) {
      pool.release(seat);
    } else {
      others.push_back(seat);
    }
  }
  Seat seat;
  CHECK_EQUAL(pool.begin(seat), pool.nth(0));
  CHECK_EQUAL(pool.redispatch(seat), PickStatus::kPoolFull);
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), "");
  for (Seat& one : others) pool.release(one);
  pool.check_empty();
}

TEST_MAIN
