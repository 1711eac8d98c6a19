// Keys that were sent elsewhere, and go home again: when, and what follows if home does not answer.
#include "support/pools.h"
#include "support/test.h"

using namespace limpet;
using namespace limpet::test;

namespace {

// One client, pinned to the second backend of its order because the first was away for a while.
struct Sent : TestPool {
  explicit Sent(ReturnHome rule, uint32_t bound_milli = 0)
      : TestPool({.bound_milli = bound_milli, .return_home = rule}) {
    add_equal(3);
    by_order = order(1);
    change(home(), BackendState::kDown);
    CHECK_EQUAL(visit(1), second());
    change(home(), BackendState::kReady);
    CHECK_EQUAL(pin(1), second());
  }
  const std::string& home() const { return by_order[0]; }
  const std::string& second() const { return by_order[1]; }
  void change(const std::string& name, BackendState state, uint32_t max_sessions = 0) {
    set(name, 1, max_sessions, state);
    pool.publish();
  }
  bool would_return() { return pool.would_return(client(1), now_ms); }
  // Where its next session goes, which is left in `seat`.
  std::string begin(Seat& seat, Reason reason) {
    CHECK_EQUAL(pick(1, seat), PickStatus::kOk);
    CHECK_EQUAL(seat.reason, reason);
    return seat.backend ? seat.backend->name : "-";
  }
  std::vector<std::string> by_order;
};

}  // namespace

TEST("never: the pin holds") {
  Sent pool(ReturnHome::kNever);
  CHECK(!pool.would_return());
  for (unsigned i = 0; i < 3; i++) CHECK_EQUAL(pool.visit(1), pool.second());
  CHECK_EQUAL(pool.counter(PoolCounter::kReturned), uint64_t{0});
}

TEST("with the next connection, counted, and then its pin is one to home") {
  for (const ReturnHome rule : {ReturnHome::kNextConnect, ReturnHome::kAfterIdle}) {
    Sent pool(rule);
    CHECK(pool.would_return());
    Seat seat;
    CHECK_EQUAL(pool.begin(seat, Reason::kReturned), pool.home());
    CHECK_EQUAL(pool.pin(1), pool.home() + "?");
    pool.confirm(seat);
    CHECK_EQUAL(pool.pin(1), pool.home());
    CHECK(!pool.found(1)->pin.away);
    pool.release(seat);
    CHECK(!pool.would_return());
    Seat next;
    CHECK_EQUAL(pool.begin(next, Reason::kPin), pool.home());
    pool.release(next);
    CHECK_EQUAL(pool.counter(PoolCounter::kReturned), uint64_t{1});
    CHECK_EQUAL(pool.counter(PoolCounter::kTableInserted), uint64_t{1});
    pool.check_empty();
  }
}

TEST("next-connect does not wait for the key's other sessions") {
  Sent pool(ReturnHome::kNextConnect);
  pool.change(pool.home(), BackendState::kDown);
  Seat old;
  CHECK_EQUAL(pool.begin(old, Reason::kPin), pool.second());
  pool.confirm(old);
  pool.change(pool.home(), BackendState::kReady);
  Seat fresh;
  CHECK_EQUAL(pool.begin(fresh, Reason::kReturned), pool.home());
  pool.confirm(fresh);
  pool.release(old);
  CHECK_EQUAL(pool.pin(1), pool.home());
  pool.release(fresh);
  pool.check_empty();
}

TEST("after-idle waits until none is left, those still connecting included") {
  Sent pool(ReturnHome::kAfterIdle);
  pool.change(pool.home(), BackendState::kDown);
  Seat first;
  CHECK_EQUAL(pool.begin(first, Reason::kPin), pool.second());
  pool.change(pool.home(), BackendState::kReady);
  CHECK(!pool.would_return());
  Seat second;
  CHECK_EQUAL(pool.begin(second, Reason::kPin), pool.second());
  pool.confirm(first);
  pool.release(first);
  Seat third;
  CHECK_EQUAL(pool.begin(third, Reason::kPin), pool.second());
  pool.release(second);
  pool.release(third);
  CHECK(pool.would_return());
  Seat last;
  CHECK_EQUAL(pool.begin(last, Reason::kReturned), pool.home());
  pool.release(last);
  pool.check_empty();
}

TEST("only where home has room: under the bound, below its limit, and ready") {
  Sent pool(ReturnHome::kNextConnect, 1000);
  // Everybody else is at home there: 2 of the 2 that each of the three may have.
  std::vector<Seat> others;
  for (uint64_t number = 2; pool.sessions(pool.home()) < 2; number++) {
    if (pool.order(number)[0] != pool.home()) continue;
    others.emplace_back();
    CHECK_EQUAL(pool.pick(number, others.back()), PickStatus::kOk);
  }
  CHECK(!pool.would_return());
  CHECK_EQUAL(pool.visit(1), pool.second());
  for (Seat& seat : others) pool.release(seat);
  for (const BackendState state : {BackendState::kDrain, BackendState::kDown}) {
    pool.change(pool.home(), state);
    CHECK(!pool.would_return());
    CHECK_EQUAL(pool.visit(1), pool.second());
  }
  pool.change(pool.home(), BackendState::kReady, 1);
  Seat taken;
  uint64_t number = 2;
  while (pool.order(number)[0] != pool.home()) number++;
  CHECK_EQUAL(pool.pick(number, taken), PickStatus::kOk);
  CHECK(!pool.would_return());
  CHECK_EQUAL(pool.visit(1), pool.second());
  pool.release(taken);
  CHECK(pool.would_return());
  CHECK_EQUAL(pool.visit(1), pool.home());
  pool.check_empty();
}

TEST("a pin that was made at home stays when its home moves") {
  TestPool pool({.bound_milli = 0, .return_home = ReturnHome::kNextConnect});
  pool.add_equal(2);
  std::map<uint64_t, std::string> homes;
  for (uint64_t number = 0; number < 50; number++) homes[number] = pool.visit(number);
  pool.set("new");
  pool.pool.publish();
  unsigned moved = 0;
  for (const auto& [number, home] : homes) {
    moved += pool.order(number)[0] != home;
    CHECK_EQUAL(pool.visit(number), home);
  }
  CHECK(moved > 0);
}

TEST("a home that does not answer: back to where the key was, which its pin never forgot") {
  for (const bool local_failure : {false, true}) {
    Sent pool(ReturnHome::kNextConnect);
    Seat seat;
    CHECK_EQUAL(pool.begin(seat, Reason::kReturned), pool.home());
    CHECK_EQUAL(pool.redispatch(seat, local_failure), PickStatus::kOk);
    CHECK_EQUAL(seat.reason, Reason::kRedispatch);
    CHECK_EQUAL(seat.backend->name, pool.second());
    CHECK_EQUAL(pool.pin(1), pool.second());
    pool.confirm(seat);
    pool.release(seat);
    CHECK_EQUAL(pool.pin(1), pool.second());
    CHECK(pool.found(1)->pin.away);
    pool.check_empty();
  }
}

TEST("a client that leaves on its way home is pinned where it was") {
  Sent pool(ReturnHome::kAfterIdle);
  Seat seat;
  CHECK_EQUAL(pool.begin(seat, Reason::kReturned), pool.home());
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), pool.second());
  CHECK(pool.would_return());
}

TEST("neither home nor where it was: the next of its order") {
  Sent pool(ReturnHome::kNextConnect);
  Seat seat;
  CHECK_EQUAL(pool.begin(seat, Reason::kReturned), pool.home());
  CHECK_EQUAL(pool.redispatch(seat), PickStatus::kOk);
  CHECK_EQUAL(pool.redispatch(seat), PickStatus::kOk);
  CHECK_EQUAL(seat.backend->name, pool.by_order[2]);
  pool.confirm(seat);
  CHECK_EQUAL(pool.pin(1), pool.by_order[2]);
  pool.release(seat);
  pool.check_empty();
}

TEST_MAIN
