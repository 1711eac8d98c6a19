// Sessions that name their backend themselves, and keys that are learnt after a session was placed by another.
#include "support/five_pool.h"

using namespace limpet;
using namespace limpet::test;

namespace {

struct NamedPool : Five {
  using Five::Five;

  // The client of Five, which names a backend.
  std::string begin_named(Seat& seat, const std::string& name) {
    const Backend& backend = *entry(name)->backend;
    seat.named = {backend.index, backend.generation};
    return begin(seat);
  }
  void learn(uint64_t number, const Seat& seat) { pool.learn(thread, client(number), seat, now_ms); }
  bool knows(uint64_t number) { return pool.knows(client(number), now_ms); }
};

constexpr uint64_t kLearnt = 77;

}  // namespace

TEST("a named backend is followed past home and bound, and makes no pin") {
  NamedPool pool(1000);
  Seat seats[4];
  for (Seat& seat : seats) {
    CHECK_EQUAL(pool.begin_named(seat, pool.nth(3)), pool.nth(3));
    CHECK_EQUAL(seat.reason, Reason::kCookie);
    pool.confirm(seat);
  }
  CHECK_EQUAL(pool.sessions(pool.nth(3)), 4U);
  CHECK_EQUAL(pool.counter(PoolCounter::kCookie), uint64_t{4});
  CHECK_EQUAL(pool.pin(1), "");
  for (Seat& seat : seats) pool.release(seat);
  CHECK_EQUAL(pool.pin(1), "");
  pool.check_empty();
}

TEST("the pin of a key stays what it is while its client names others") {
  NamedPool pool;
  CHECK_EQUAL(pool.visit(1), pool.nth(0));
  Seat seat;
  CHECK_EQUAL(pool.begin_named(seat, pool.nth(2)), pool.nth(2));
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.confirm(seat);
  pool.release(seat);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.check_empty();
}

TEST("a draining backend serves those who name it; one that is down or full does not") {
  NamedPool pool;
  Seat draining, down, full;
  pool.set(pool.nth(1), 1, 0, BackendState::kDrain);
  pool.set(pool.nth(2), 1, 0, BackendState::kDown);
  pool.set(pool.nth(3), 1, 1);
  pool.pool.publish();
  CHECK_EQUAL(pool.begin_named(draining, pool.nth(1)), pool.nth(1));
  CHECK_EQUAL(pool.begin_named(down, pool.nth(2)), pool.nth(0));
  CHECK_EQUAL(down.reason, Reason::kHome);
  Seat only;
  CHECK_EQUAL(pool.begin_named(only, pool.nth(3)), pool.nth(3));
  CHECK_EQUAL(pool.begin_named(full, pool.nth(3)), pool.nth(0));
  for (Seat* seat : {&draining, &down, &only, &full}) pool.release(*seat);
  pool.check_empty();
}

TEST("a name that was given to another backend since is nobody's") {
  NamedPool pool;
  Seat seat;
  seat.named = {pool.entry(pool.nth(4))->backend->index, 99};
  CHECK_EQUAL(pool.begin(seat), pool.nth(0));
  Seat beyond;
  beyond.named = {9999, 0};
  CHECK_EQUAL(pool.begin(beyond), pool.nth(0));
  pool.release(seat);
  pool.release(beyond);
  pool.check_empty();
}

TEST("a session without a key follows its name, too") {
  NamedPool pool;
  Seat seat;
  const Backend& backend = *pool.entry(pool.nth(4))->backend;
  seat.named = {backend.index, backend.generation};
  CHECK_EQUAL(pool.pick_without_key(seat), PickStatus::kOk);
  CHECK_EQUAL(seat.backend->name, pool.nth(4));
  pool.release(seat);
  pool.check_empty();
}

TEST("a named backend that does not answer is left for the key's own order, and no pin tells of it") {
  NamedPool pool;
  Seat seat;
  CHECK_EQUAL(pool.begin_named(seat, pool.nth(0)), pool.nth(0));
  CHECK_EQUAL(pool.fail(seat), pool.nth(1));
  pool.confirm(seat);
  CHECK_EQUAL(pool.pin(1), "");
  pool.release(seat);
  pool.check_empty();
}

TEST("a learnt key is known from then on, and picks by it come back") {
  NamedPool pool;
  Seat seat, again;
  CHECK(!pool.knows(kLearnt));
  pool.begin(seat);
  pool.confirm(seat);
  pool.learn(kLearnt, seat);
  CHECK(pool.knows(kLearnt));
  CHECK_EQUAL(pool.pin(kLearnt), pool.nth(0));
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(seat);
  CHECK_EQUAL(pool.pick(kLearnt, again), PickStatus::kOk);
  CHECK_EQUAL(again.backend->name, pool.nth(0));
  CHECK_EQUAL(again.reason, Reason::kPin);
  pool.release(again);
  pool.check_empty();
}

TEST("a learnt key lasts for a ttl from the last time it was told") {
  NamedPool pool;
  Seat seat;
  pool.begin(seat);
  pool.confirm(seat);
  pool.learn(kLearnt, seat);
  pool.now_ms += kTtlMs / 2;
  pool.learn(kLearnt, seat);
  pool.now_ms += kTtlMs * 3 / 4;
  CHECK(pool.knows(kLearnt));
  pool.now_ms += kTtlMs / 2;
  CHECK(!pool.knows(kLearnt));
  pool.release(seat);
}

TEST("a learnt key follows the last backend that told it, and is unknown while that is down") {
  NamedPool pool;
  Seat seat, other;
  pool.begin(seat);
  pool.learn(kLearnt, seat);
  CHECK_EQUAL(pool.begin_named(other, pool.nth(2)), pool.nth(2));
  pool.learn(kLearnt, other);
  CHECK_EQUAL(pool.pin(kLearnt), pool.nth(2));
  pool.set(pool.nth(2), 1, 0, BackendState::kDown);
  pool.pool.publish();
  CHECK(!pool.knows(kLearnt));
  pool.set(pool.nth(2));
  pool.pool.publish();
  CHECK(pool.knows(kLearnt));
  pool.release(seat);
  pool.release(other);
}

TEST_MAIN
