// A bound over several balancers, by what the others have told. Every assignment is judged in pool_bound_test.cc.
#include <array>

#include "support/pools.h"
#include "support/test.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

// Sessions of so many keys, from `first` on; nobody is refused.
std::vector<Seat> come(TestPool& pool, uint64_t first, uint64_t count) {
  std::vector<Seat> seats(count);
  for (uint64_t i = 0; i < count; i++) CHECK_EQUAL(pool.pick(first + i, seats[i]), PickStatus::kOk);
  return seats;
}

void go(TestPool& pool, std::vector<Seat>& seats) {
  for (Seat& seat : seats) pool.release(seat);
  seats.clear();
}

uint64_t bound_at(TestPool& pool, const std::string& name) {
  uint64_t found = 0;
  pool.pool.each_candidate([&](const Backend& backend, uint64_t bound) {
    if (backend.name == name) found = bound;
  });
  return found;
}

}  // namespace

TEST("who is filled by others gets nobody, until they say that they have left") {
  TestPool pool({.table_size = 0});
  pool.add_equal(3);
  pool.tell({{"b0", 100}});
  std::vector<Seat> seats = come(pool, 0, 60);
  CHECK_EQUAL(pool.sessions("b0"), 0U);
  CHECK_EQUAL(bound_at(pool, "b0"), uint64_t{0});
  go(pool, seats);
  pool.tell({});
  seats = come(pool, 0, 60);
  CHECK_WITHIN(pool.sessions("b0"), 10U, 25U);
  go(pool, seats);
}

TEST("the bound is c times the mean of all balancers") {
  TestPool pool({.bound_milli = 1500, .table_size = 0});
  pool.add_equal(4);
  pool.tell({{"b0", 90}, {"b1", 90}, {"b2", 90}, {"b3", 90}});
  // One key: of 560 in all, 1.5 · 140 are for its home, of which others have 90.
  std::vector<Seat> seats(200);
  for (Seat& seat : seats) REQUIRE(pool.pick(1, seat) == PickStatus::kOk);
  CHECK_EQUAL(pool.sessions(pool.order(1)[0]), 120U);
  for (Seat& seat : seats) pool.release(seat);
  pool.check_empty();
}

TEST("others fill no backend: a limit is of one balancer") {
  TestPool pool({.table_size = 0, .max_sessions = 4});
  pool.set("b0", 1, 2);
  pool.set("b1", 1, 2);
  pool.pool.publish();
  pool.tell({{"b0", 50}, {"b1", 50}});
  std::vector<Seat> seats = come(pool, 0, 4);
  Seat late;
  CHECK_EQUAL(pool.pick(9, late), PickStatus::kPoolFull);
  go(pool, seats);
  CHECK_EQUAL(pool.pool.seats(), uint64_t{0});
}

TEST("clients without a key go to who has the least with all balancers") {
  TestPool pool({.table_size = 0});
  pool.add_equal(3);
  pool.tell({{"b0", 5}, {"b1", 3}, {"b2", 4}});
  std::vector<Seat> seats(6);
  for (Seat& seat : seats) REQUIRE(pool.pick_without_key(seat) == PickStatus::kOk);
  CHECK_EQUAL(pool.sessions("b0"), 1U);
  CHECK_EQUAL(pool.sessions("b1"), 3U);
  CHECK_EQUAL(pool.sessions("b2"), 2U);
  go(pool, seats);
}

TEST("what others have on who takes nobody counts nowhere") {
  TestPool pool({.bound_milli = 1000, .table_size = 0});
  pool.add_equal(3);
  pool.set("b2", 1, 0, BackendState::kDown);
  pool.pool.publish();
  pool.tell({{"b2", 1'000'000}});
  std::vector<Seat> seats = come(pool, 0, 40);
  CHECK_EQUAL(pool.sessions("b0"), 20U);
  CHECK_EQUAL(pool.sessions("b1"), 20U);
  go(pool, seats);
}

TEST("who was removed takes along what others have on it, and its index has none") {
  TestPool pool({.bound_milli = 1000, .table_size = 0});
  pool.add_equal(3);
  pool.tell({{"b2", 1000}});
  const auto index = pool.entry("b2")->backend->index;
  pool.pool.remove_backend("b2");
  pool.pool.publish();
  std::vector<Seat> seats = come(pool, 0, 40);
  CHECK_EQUAL(pool.sessions("b0"), 20U);
  // What was told of it before does not come to who has its index now.
  pool.pool.publish();
  pool.domain->reclaim();
  pool.set("b3");
  pool.pool.publish();
  REQUIRE(pool.entry("b3")->backend->index == index);
  CHECK_EQUAL(pool.entry("b3")->backend->peers(), 0U);
  go(pool, seats);
  // Nor does it stay in m when the record is gone: bounds are of those 30, and no more.
  seats = come(pool, 0, 30);
  for (const char* const name : {"b0", "b1", "b3"}) CHECK_EQUAL(pool.sessions(name), 10U);
  go(pool, seats);
}

TEST("a thread that tells, while others pick: nobody is refused, and nothing stays") {
  constexpr unsigned kPickers = 3;
  TestPool pool({.bound_milli = 1000, .table_size = 0});
  pool.add_equal(7);
  std::atomic<unsigned> picking{kPickers};
  run_threads(kPickers + 1, [&](unsigned number) {
    Random random(number);
    if (number == kPickers) {
      while (picking.load() > 0) {
        std::array<uint32_t, 7> counts{};
        for (uint32_t& count : counts) count = static_cast<uint32_t>(random.below(random.chance(10) ? UINT32_MAX : 50));
        pool.pool.set_peer_sessions(counts);
      }
      return;
    }
    Pool::Thread thread(*pool.domain);
    for (uint64_t i = 0; i < rounds(3'000, 50'000); i++) {
      const EpochGuard guard(thread);
      std::array<Seat, 3> seats;
      for (Seat& seat : seats) {
        const AffinityKey key = random.chance(10) ? AffinityKey{} : client(random.below(50));
        CHECK_EQUAL(pool.pool.pick(thread, key, seat, kStartMs), PickStatus::kOk);
      }
      for (Seat& seat : seats) pool.pool.release(seat, false, kStartMs);
    }
    picking.fetch_sub(1);
  });
  pool.tell({});
  pool.check_empty();
  // Nothing is left in m: with one session in all, the bound of each is one.
  std::vector<Seat> seats = come(pool, 0, 7);
  for (unsigned i = 0; i < 7; i++) CHECK_EQUAL(pool.sessions("b" + std::to_string(i)), 1U);
  go(pool, seats);
}

TEST_MAIN
