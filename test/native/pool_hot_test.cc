// Keys with more sessions than one backend should have of one key: spread over several, and nobody else is touched.
#include <algorithm>
#include <set>

#include "support/pools.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr HotRules kRules{500, 4};
constexpr uint64_t kHot = 1;

struct HotPool : TestPool {
  explicit HotPool(PoolOptions options = {}, unsigned backends = 8) : TestPool(with_rules(options)) {
    add_equal(backends);
  }
  static PoolOptions with_rules(PoolOptions options) {
    if (!options.hot.any()) options.hot = kRules;
    return options;
  }
  // A session that stays; the name of its backend.
  std::string come(uint64_t number, uint64_t by = 0) {
    Seat seat;
    if (pool.pick(thread, client(number), seat, now_ms, false, by) != PickStatus::kOk) return "-";
    confirm(seat);
    held.push_back(seat);
    return seat.backend->name;
  }
  bool is_hot(uint64_t number = kHot) { return pool.is_spread(client(number)); }
  void make_hot(unsigned sessions = 100) {
    for (unsigned i = 0; i < sessions; i++) come(kHot, 1'000 + i);
    CHECK(is_hot());
  }
  void leave_all() {
    for (Seat& seat : held) release(seat);
    held.clear();
  }
  std::vector<std::string> homes_of_places(unsigned places = kRules.spread) {
    std::vector<std::string> names;
    for (unsigned i = 0; i < places; i++) {
      names.push_back(pool.home_of_place(pool.roster(), client(kHot), i)->backend->name);
    }
    return names;
  }
  std::vector<Seat> held;
};

std::set<std::string> set_of(const std::vector<std::string>& names) { return {names.begin(), names.end()}; }

}  // namespace

TEST("a key with too many sessions is spread, over as many backends as the rule says") {
  HotPool pool;
  for (uint64_t i = 0; i < 400; i++) pool.come(1'000 + i);
  for (unsigned i = 0; i < HotKeys::kLeastSessions - 1; i++) pool.come(kHot, 1 + i);
  CHECK(!pool.is_hot());
  for (unsigned i = 0; i < 400; i++) pool.come(kHot, 100 + i);
  CHECK(pool.is_hot());
  const auto homes = pool.homes_of_places();
  CHECK_EQUAL(set_of(homes).size(), size_t{4});
  CHECK_EQUAL(homes[0], pool.order(kHot)[0]);
  CHECK(pool.counter(PoolCounter::kSpread) > 0);
}

TEST("who is told apart by the same thing comes home to the same place") {
  HotPool pool;
  pool.make_hot();
  const auto homes = set_of(pool.homes_of_places());
  std::map<uint64_t, std::string> places;
  std::set<std::string> seen;
  for (uint64_t by = 1; by <= 200; by++) places[by] = pool.come(kHot, by);
  pool.leave_all();
  CHECK(pool.is_hot());
  for (uint64_t by = 1; by <= 200; by++) {
    CHECK_EQUAL(pool.come(kHot, by), places[by]);
    seen.insert(places[by]);
  }
  CHECK_EQUAL(seen.size(), size_t{4});
  CHECK(std::includes(homes.begin(), homes.end(), seen.begin(), seen.end()));
  // Nothing to tell it apart by: where the key is at home.
  CHECK_EQUAL(pool.come(kHot, 0), pool.order(kHot)[0]);
}

TEST("no place takes more than its part of the sessions, by much") {
  HotPool pool;
  pool.make_hot(2'000);
  std::map<std::string, unsigned> sessions;
  for (const Seat& seat : pool.held) sessions[seat.backend->name]++;
  // Those that came before it was hot are at its home besides.
  for (const auto& [name, count] : sessions) CHECK(count < 700);
}

TEST("two balancers of the same secret and backends spread alike, in whatever order they came to it") {
  HotPool one, two;
  for (uint64_t i = 0; i < 300; i++) two.come(5'000 + i);
  one.make_hot(200);
  two.make_hot(400);
  CHECK_EQUAL(one.homes_of_places().size(), size_t{4});
  CHECK(one.homes_of_places() == two.homes_of_places());
  one.leave_all();
  two.leave_all();
  for (uint64_t by = 1; by <= 300; by++) CHECK_EQUAL(one.come(kHot, by), two.come(kHot, by));
}

TEST("homes, and pins, of all other keys stay") {
  HotPool pool;
  TestPool plain;
  plain.add_equal(8);
  const uint64_t others = rounds(20'000, 100'000);
  std::vector<std::string> before;
  for (uint64_t i = 0; i < 2'000; i++) before.push_back(pool.visit(10'000 + i));
  pool.make_hot(500);
  for (uint64_t i = 0; i < others; i++) {
    const uint64_t hash = pool.pool.place_hash(client(10'000 + i));
    REQUIRE(pool.pool.roster().home(hash)->backend->name == plain.pool.roster().home(hash)->backend->name);
    REQUIRE(!pool.is_hot(10'000 + i));
  }
  for (uint64_t i = 0; i < 2'000; i++) REQUIRE(pool.visit(10'000 + i) == before[i]);
}

TEST("it stays hot until it has had less than half for a minute") {
  HotPool pool({.bound_milli = 0});
  for (uint64_t i = 0; i < 800; i++) pool.come(1'000 + i);
  std::vector<Seat> others;
  others.swap(pool.held);
  pool.make_hot(200);
  pool.leave_all();
  const auto tick = [&](uint64_t ms) {
    pool.now_ms += ms;
    pool.visit(77'777);
  };
  tick(HotKeys::kReviewMs);
  tick(HotKeys::kCalmMs - 1);
  CHECK(pool.is_hot());
  // Sessions again: the minute begins anew.
  for (uint64_t by = 1; by <= 200; by++) pool.come(kHot, by);
  tick(HotKeys::kReviewMs);
  CHECK(pool.is_hot());
  tick(10 * HotKeys::kCalmMs);
  CHECK(pool.is_hot());
  // At 800 others of eight backends its home's fair share is more than 100, the half of the half of it 25.
  for (size_t i = 0; i < 160; i++) pool.release(pool.held[i]);
  pool.held.erase(pool.held.begin(), pool.held.begin() + 160);
  tick(HotKeys::kReviewMs);
  tick(2 * HotKeys::kCalmMs);
  CHECK(pool.is_hot());
  for (size_t i = 0; i < 30; i++) pool.release(pool.held[i]);
  pool.held.erase(pool.held.begin(), pool.held.begin() + 30);
  tick(HotKeys::kReviewMs);
  tick(HotKeys::kCalmMs - 1);
  CHECK(pool.is_hot());
  tick(HotKeys::kReviewMs);
  CHECK(!pool.is_hot());
  CHECK_EQUAL(pool.pool.hot_keys()->size(), 0U);
  // Its clients come home to where they were before.
  CHECK_EQUAL(pool.come(kHot, 5), pool.order(kHot)[0]);
}

TEST("sessions of the client's own key are limited, wherever they are") {
  HotPool pool({.limits = {.sessions = 50}});
  unsigned refused = 0;
  for (uint64_t by = 1; by <= 200; by++) refused += pool.come(kHot, by) == "-";
  CHECK(pool.is_hot());
  CHECK_EQUAL(refused, 150U);
  pool.leave_all();
  pool.check_empty();
  for (uint64_t by = 1; by <= 50; by++) CHECK(pool.come(kHot, by) != "-");
  CHECK_EQUAL(pool.come(kHot, 51), std::string("-"));
}

TEST("a place whose backend is gone moves, the others stay") {
  HotPool pool;
  pool.make_hot();
  std::map<uint64_t, std::string> places;
  for (uint64_t by = 1; by <= 100; by++) places[by] = pool.come(kHot, by);
  pool.leave_all();
  const std::string gone = pool.homes_of_places()[2];
  pool.set(gone, 1, 0, BackendState::kDown);
  pool.pool.publish();
  for (uint64_t by = 1; by <= 100; by++) {
    const std::string now = pool.come(kHot, by);
    CHECK(now != gone);
    if (places[by] != gone) CHECK_EQUAL(now, places[by]);
  }
}

TEST("with fewer backends than places all of them serve") {
  HotPool pool({.hot = {500, 16}}, 3);
  pool.make_hot(300);
  std::set<std::string> seen;
  for (uint64_t by = 1; by <= 100; by++) seen.insert(pool.come(kHot, by));
  CHECK_EQUAL(seen.size(), size_t{3});
  CHECK_EQUAL(set_of(pool.homes_of_places(16)).size(), size_t{3});
}

TEST("without the rule nothing is spread") {
  TestPool pool;
  pool.add_equal(8);
  std::vector<Seat> held(300);
  for (Seat& seat : held) CHECK_EQUAL(pool.pick(kHot, seat), PickStatus::kOk);
  CHECK(!pool.pool.is_spread(client(kHot)));
  CHECK_EQUAL(pool.counter(PoolCounter::kSpread), uint64_t{0});
  for (Seat& seat : held) CHECK_EQUAL(seat.backend->name, held[0].backend->name);
}

TEST("threads agree on what is hot, and nothing is lost") {
  HotPool pool;
  constexpr unsigned kThreads = 4;
  std::vector<std::vector<Seat>> seats(kThreads);
  run_threads(kThreads, [&](unsigned number) {
    Pool::Thread thread(*pool.domain);
    Random random(number + 1);
    uint64_t now_ms = kStartMs;
    for (unsigned i = 0; i < rounds(2'000, 20'000); i++) {
      const EpochGuard guard(thread);
      now_ms += random.below(200);
      if (!seats[number].empty() && random.chance(45)) {
        const size_t at = random.below(seats[number].size());
        std::swap(seats[number][at], seats[number].back());
        pool.pool.release(seats[number].back(), false, now_ms);
        seats[number].pop_back();
        continue;
      }
      Seat seat;
      const uint64_t key = random.chance(50) ? 1 + random.below(3) : 1'000 + random.below(5'000);
      REQUIRE(pool.pool.pick(thread, client(key), seat, now_ms, false, 1 + random.below(1'000)) == PickStatus::kOk);
      pool.pool.confirm(thread, seat, now_ms);
      seats[number].push_back(seat);
    }
  });
  CHECK(pool.counter(PoolCounter::kSpread) > 0);
  for (auto& part : seats) {
    for (Seat& seat : part) pool.release(seat);
  }
  pool.check_empty();
  CHECK(!pool.pool.live_keys().any(client(kHot), pool.pool.table()->hash(client(kHot))));
}

TEST_MAIN
