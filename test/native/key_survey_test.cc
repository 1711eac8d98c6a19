// Keys with live sessions, judged by a count of the sessions that the test holds.
#include "core/key_survey.h"

#include <algorithm>
#include <map>
#include <set>

#include "support/pools.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

struct Whole {
  uint64_t keys = 0;
  uint64_t sessions = 0;
  std::vector<KeySurvey::Hot> hottest;
  std::map<std::pair<uint16_t, uint16_t>, uint64_t> places;
};

Whole survey(TestPool& pool, size_t most) {
  Whole whole;
  for (unsigned shard = 0; shard < LiveKeys::kShards; shard++) {
    const KeySurvey part = survey_keys(pool.pool, shard, most);
    CHECK(part.hottest.size() <= most);
    CHECK(std::is_sorted(part.hottest.begin(), part.hottest.end(),
                         [](const auto& left, const auto& right) { return left.sessions > right.sessions; }));
    whole.keys += part.keys;
    whole.hottest.insert(whole.hottest.end(), part.hottest.begin(), part.hottest.end());
    for (const KeySurvey::Place& place : part.places) {
      whole.sessions += place.sessions;
      whole.places[{place.home, place.backend}] += place.sessions;
    }
  }
  return whole;
}

uint16_t index_of(TestPool& pool, const std::string& name) { return pool.entry(name)->backend->index; }

}  // namespace

TEST("every key once, with its home and where its sessions are") {
  TestPool pool({.bound_milli = 1100});
  pool.add_equal(5);
  Random random(7);
  std::vector<Seat> seats(rounds(3'000, 30'000));
  std::map<uint64_t, std::map<uint16_t, uint32_t>> wanted;
  for (Seat& seat : seats) {
    // Some have many, most have few.
    const uint64_t number = random.chance(20) ? random.below(5) : random.below(2'000);
    REQUIRE(pool.pick(number, seat) == PickStatus::kOk);
    pool.confirm(seat);
    wanted[number][seat.backend->index]++;
  }
  std::map<std::pair<uint16_t, uint16_t>, uint64_t> places;
  std::vector<uint32_t> totals;
  for (const auto& [number, shares] : wanted) {
    uint32_t total = 0;
    for (const auto& [backend, sessions] : shares) {
      places[{index_of(pool, pool.order(number)[0]), backend}] += sessions;
      total += sessions;
    }
    totals.push_back(total);
  }
  std::sort(totals.rbegin(), totals.rend());

  Whole whole = survey(pool, 10);
  CHECK_EQUAL(whole.keys, uint64_t{wanted.size()});
  CHECK_EQUAL(whole.sessions, uint64_t{seats.size()});
  CHECK(whole.places == places);
  std::sort(whole.hottest.begin(), whole.hottest.end(),
            [](const auto& left, const auto& right) { return left.sessions > right.sessions; });
  for (size_t at = 0; at < 10; at++) {
    const KeySurvey::Hot& hot = whole.hottest[at];
    CHECK_EQUAL(hot.sessions, totals[at]);
    uint32_t sum = 0;
    for (const auto& share : hot.shares) sum += share.sessions;
    CHECK_EQUAL(sum, hot.sessions);
    const auto number =
        std::find_if(wanted.begin(), wanted.end(), [&](const auto& one) { return client(one.first) == hot.key; });
    REQUIRE(number != wanted.end());
    CHECK_EQUAL(hot.shares.size(), number->second.size());
  }
  for (Seat& seat : seats) pool.release(seat);
  CHECK_EQUAL(survey(pool, 10).keys, uint64_t{0});
}

TEST("claims and kept origins are no sessions; none of the hottest are wanted") {
  TestPool pool({.limits = {.sessions = 5}});
  pool.add_equal(2);
  Seat seat;
  REQUIRE(pool.pick(1, seat) == PickStatus::kOk);
  pool.pool.live_keys().keep_origin(seat.key, seat.table_hash, {1, 1, true, false});
  const Whole whole = survey(pool, 0);
  CHECK_EQUAL(whole.keys, uint64_t{1});
  CHECK_EQUAL(whole.sessions, uint64_t{1});
  CHECK(whole.hottest.empty());
  pool.release(seat);
}

TEST("keys without a home, and a pool without a table") {
  TestPool pool;
  pool.set("only");
  pool.pool.publish();
  Seat seat;
  REQUIRE(pool.pick(1, seat) == PickStatus::kOk);
  pool.set("only", 0);
  pool.pool.publish();
  const Whole whole = survey(pool, 1);
  REQUIRE(whole.hottest.size() == 1);
  CHECK_EQUAL(whole.hottest[0].home, kNoHome);
  pool.release(seat);

  TestPool bare({.table_size = 0});
  bare.add_equal(2);
  Seat other;
  REQUIRE(bare.pick(1, other) == PickStatus::kOk);
  CHECK_EQUAL(survey(bare, 1).keys, uint64_t{0});
  bare.release(other);
}

TEST("candidates: who takes new clients, with a bound and without one") {
  for (const uint32_t bound : {0U, 1250U}) {
    TestPool pool({.bound_milli = bound});
    pool.set("full", 1, 1);
    pool.pool.publish();
    Seat seat;
    REQUIRE(pool.pick(1, seat) == PickStatus::kOk);
    pool.set("ready");
    pool.set("draining", 1, 0, BackendState::kDrain);
    pool.set("down", 1, 0, BackendState::kDown);
    pool.set("weightless", 0);
    pool.pool.publish();
    std::set<std::string> names;
    pool.pool.each_candidate([&](const Backend& backend, uint64_t told) {
      names.insert(backend.name);
      CHECK_EQUAL(told == Pool::kNoBound, bound == 0);
    });
    CHECK(names == std::set<std::string>{"ready"});
    pool.release(seat);
  }
}
TEST_MAIN
