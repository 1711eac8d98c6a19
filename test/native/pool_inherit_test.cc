// Sessions of another process, whose place this one has taken: they fill a backend as its own do.
#include "support/pools.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

const Backend& backend(const TestPool& pool, const std::string& name) { return *pool.pool.registry().find(name); }

}  // namespace

TEST("inherited sessions count in the bound") {
  TestPool pool({.bound_milli = 1000, .table_size = 0});
  pool.add_equal(3);
  CHECK(pool.pool.inherit("b0", 30));
  CHECK(pool.pool.inherit("b1", 30));
  CHECK_EQUAL(pool.pool.seats(), 60U);
  // With a bound of the mean everybody who comes goes to the one that has less than it.
  std::vector<Seat> seats(30);
  for (uint64_t number = 0; number < seats.size(); number++) {
    CHECK_EQUAL(pool.pick(number, seats[number]), PickStatus::kOk);
    CHECK_EQUAL(seats[number].backend->name, std::string("b2"));
  }
  CHECK_EQUAL(backend(pool, "b0").total(), 0U);
  for (Seat& seat : seats) pool.release(seat);
  CHECK_EQUAL(pool.pool.seats(), 60U);
  CHECK(pool.pool.inherit("b0", 1));
  CHECK(pool.pool.inherit("b1", 0));
  CHECK_EQUAL(backend(pool, "b0").sessions(), 1U);
  CHECK_EQUAL(backend(pool, "b0").inherited(), 1U);
  CHECK(pool.pool.inherit("b0", 0));
  pool.check_empty();
}

TEST("inherited sessions count in maxSessions, however many there are") {
  TestPool pool({.bound_milli = 0, .table_size = 0});
  pool.set("b0", 1, 5);
  pool.pool.publish();
  CHECK(pool.pool.inherit("b0", 4));
  Seat first;
  Seat second;
  CHECK_EQUAL(pool.pick(1, first), PickStatus::kOk);
  CHECK_EQUAL(pool.pick(2, second), PickStatus::kPoolFull);
  CHECK(pool.pool.inherit("b0", 3));
  CHECK_EQUAL(pool.pick(2, second), PickStatus::kOk);
  pool.release(first);
  pool.release(second);
  // More than fits is as if it was full, not as if it was empty.
  CHECK(pool.pool.inherit("b0", 0xffffffff));
  CHECK_EQUAL(backend(pool, "b0").sessions(), kMostInherited);
  CHECK_EQUAL(pool.pick(1, first), PickStatus::kPoolFull);
  CHECK(pool.pool.inherit("b0", 0));
  pool.check_empty();
}

TEST("inherited sessions end with their backend") {
  TestPool pool({.table_size = 0});
  pool.add_equal(2);
  CHECK(!pool.pool.inherit("other", 1));
  CHECK(pool.pool.inherit("b0", 7));
  CHECK(pool.pool.remove_backend("b0"));
  CHECK_EQUAL(pool.pool.seats(), 0U);
  pool.pool.publish();
  CHECK(!pool.pool.inherit("b0", 7));
  // The record was free at once: its index is there for another one.
  pool.pool.publish();
  pool.pool.publish();
  CHECK_EQUAL(pool.set("b2") & 0xffff, 0);
  pool.pool.publish();
  CHECK_EQUAL(backend(pool, "b2").sessions(), 0U);
  pool.check_empty();
}

// While sessions come and go.
TEST("inherited sessions come and go beside picks") {
  TestPool pool({.table_size = 0});
  pool.add_equal(4);
  std::atomic<bool> over{false};
  run_threads(3, [&](unsigned number) {
    if (number == 0) {
      for (uint32_t at = 0; at < 20'000; at++) pool.pool.inherit("b" + std::to_string(at % 4), at % 97);
      over = true;
      return;
    }
    Pool::Thread thread(*pool.domain);
    for (uint64_t at = uint64_t{number} << 32; !over.load(); at++) {
      const EpochGuard guard(thread);
      Seat seat;
      CHECK_EQUAL(pool.pool.pick(thread, client(at), seat, kStartMs), PickStatus::kOk);
      pool.pool.release(seat, false, kStartMs);
    }
  });
  for (unsigned at = 0; at < 4; at++) pool.pool.inherit("b" + std::to_string(at), 0);
  pool.check_empty();
}

TEST_MAIN
