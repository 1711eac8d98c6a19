// Bounded loads: every assignment of a new key judged by a second implementation that walks the key's whole order.
#include <algorithm>

#include "support/test.h"
#include "support/verdict.h"

using namespace limpet;
using namespace limpet::test;

namespace {

void check_verdict(const Verdict& wanted, PickStatus status, const Seat& seat) {
  CHECK_EQUAL(status, wanted.status);
  if (status != PickStatus::kOk || wanted.status != PickStatus::kOk) return;
  CHECK_EQUAL(seat.backend->name, wanted.name);
  CHECK_EQUAL(seat.reason, wanted.reason);
}

// Sessions that come and go, each with a new key unless `keys` says how few there are.
class Traffic {
 public:
  Traffic(TestPool& pool, uint64_t stream, uint64_t keys) : pool_(pool), random_(stream), keys_(keys) {}

  // Fills up to `most` sessions, empties, and so on.
  void run(uint64_t steps, uint64_t most) {
    for (uint64_t step = 0; step < steps && failures == 0; step++) {
      const bool fill = step / (most + 1) % 2 == 0;
      if (held_.empty() || (held_.size() < most && random_.chance(fill ? 80 : 30))) {
        come();
      } else {
        go();
      }
    }
  }
  void end() {
    while (!held_.empty()) go();
    pool_.check_empty();
  }
  void come() {
    const uint64_t number = keys_ == 0 ? ++last_ : random_.below(keys_);
    Seat seat;
    const Verdict wanted = judge(pool_, number, seat);
    const PickStatus status = pool_.pick(number, seat);
    check_verdict(wanted, status, seat);
    if (status != PickStatus::kOk) return;
    while (random_.chance(10) && seat.tried_count < 4) {
      if (!fail_over(number, seat)) return;
    }
    held_.push_back(seat);
  }
  void go() {
    std::swap(held_[random_.below(held_.size())], held_.back());
    pool_.release(held_.back());
    held_.pop_back();
  }

 private:
  bool fail_over(uint64_t number, Seat& seat) {
    const Verdict wanted = judge_redispatch(pool_, number, seat);
    const PickStatus status = pool_.redispatch(seat);
    check_verdict(wanted, status, seat);
    if (status == PickStatus::kOk) return true;
    pool_.release(seat, true);
    return false;
  }

  TestPool& pool_;
  Random random_;
  const uint64_t keys_;
  uint64_t last_ = 0;
  std::vector<Seat> held_;
};

constexpr uint32_t kBounds[] = {1000, 1050, 1100, 1250, 1500, 2000, 0};

}  // namespace

TEST("the bound is in integers: 1.1 · 50 is 55") {
  CHECK_EQUAL(bound_of(1100, 49, 1, 1), uint64_t{55});
  TestPool pool({.bound_milli = 1100, .table_size = 0});
  pool.set("only");
  pool.set("other");
  pool.pool.publish();
  std::vector<Seat> seats(100);
  for (uint64_t i = 0; i < 100; i++) REQUIRE(pool.pick(0, seats[i]) == PickStatus::kOk);  // one key, no pin
  CHECK_EQUAL(pool.sessions(pool.order(0)[0]), 55U);
  for (Seat& seat : seats) pool.release(seat);
}

TEST("every assignment, equal weights") {
  for (const uint32_t bound : kBounds) {
    for (const unsigned count : {1U, 2U, 3U, 7U, 100U}) {
      TestPool pool({.bound_milli = bound, .table_size = 0});
      pool.add_equal(count);
      Traffic traffic(pool, bound + count, 0);
      traffic.run(rounds(count == 100 ? 600 : 1'500, 20'000), count * 10);
      traffic.end();
    }
  }
}

TEST("every assignment, with identical keys") {
  for (const uint32_t bound : kBounds) {
    for (const unsigned count : {2U, 7U, 100U}) {
      TestPool pool({.bound_milli = bound, .table_size = 0});
      pool.add_equal(count);
      Traffic traffic(pool, bound + count, 1);
      traffic.run(rounds(count == 100 ? 300 : 1'000, 10'000), count * 5);
      traffic.end();
    }
  }
}

TEST("every assignment, any weights, limits and states, while they change") {
  Random random(1);
  for (const PlacementKind kind : {PlacementKind::kRendezvous, PlacementKind::kRing}) {
    for (uint64_t round = 0; round < rounds(20, 400) && failures == 0; round++) {
      TestPool pool({.bound_milli = kBounds[round % 7], .table_size = 0, .secret = round, .kind = kind});
      Traffic traffic(pool, round, round % 3 == 0 ? 5 : 0);
      for (unsigned change = 0; change < 12; change++) {
        for (uint64_t i = random.between(1, 6); i > 0; i--) {
          const std::string name = "b" + std::to_string(random.below(12));
          if (random.chance(20)) {
            pool.pool.remove_backend(name);  // its sessions go on
            continue;
          }
          const auto weight = static_cast<uint32_t>(random.below(random.chance(10) ? 300 : 5));
          const auto limit = static_cast<uint32_t>(random.chance(50) ? 0 : random.between(1, 12));
          const auto state = static_cast<BackendState>(random.chance(75) ? 0 : random.between(1, 2));
          pool.set(name, weight, limit, state);
        }
        pool.pool.publish();
        traffic.run(rounds(60, 300), random.between(1, 80));
      }
      traffic.end();
    }
  }
}

TEST("every assignment, while other balancers tell what they have, or had") {
  Random random(2);
  for (uint64_t round = 0; round < rounds(20, 400) && failures == 0; round++) {
    TestPool pool({.bound_milli = kBounds[round % 7], .table_size = 0, .secret = round});
    for (uint64_t i = 0; i < 8; i++) {
      const auto limit = static_cast<uint32_t>(random.chance(70) ? 0 : random.between(1, 12));
      const auto state = static_cast<BackendState>(random.chance(85) ? 0 : random.between(1, 2));
      pool.set("b" + std::to_string(i), static_cast<uint32_t>(random.below(5)), limit, state);
    }
    pool.pool.publish();
    Traffic traffic(pool, round, round % 3 == 0 ? 5 : 0);
    for (unsigned change = 0; change < 12; change++) {
      std::map<std::string, uint32_t> peers;
      // Of no relation to what is here: nothing, little, everything on one, more than there can be.
      const uint64_t most = random.chance(20) ? UINT32_MAX : random.chance(50) ? 8 : 300;
      for (uint64_t i = random.below(9); i > 0; i--) {
        peers["b" + std::to_string(random.below(8))] = static_cast<uint32_t>(random.below(most));
      }
      pool.tell(peers);
      traffic.run(rounds(60, 300), random.between(1, 80));
    }
    traffic.end();
  }
}

TEST("every assignment of a new key, with a stick table") {
  for (const uint32_t bound : {1050U, 1250U}) {
    TestPool pool({.bound_milli = bound});
    for (unsigned i = 0; i < 10; i++) pool.set("b" + std::to_string(i), 1 + i % 3);
    pool.pool.publish();
    Traffic traffic(pool, bound, 0);
    traffic.run(rounds(5'000, 50'000), 200);
    traffic.end();
  }
}

namespace {

// Per cent of the keys that do not come home when backends of fixed room are filled, as in the simulations.
double spill(uint32_t room, uint64_t sessions) {
  uint64_t away = 0;
  const uint64_t pools = rounds(10, 100);
  for (uint64_t secret = 0; secret < pools; secret++) {
    TestPool pool({.bound_milli = 0, .table_size = 0, .secret = secret});
    for (unsigned i = 0; i < 100; i++) pool.set("b" + std::to_string(i), 1, room);
    pool.pool.publish();
    std::vector<Seat> seats(sessions);
    for (uint64_t i = 0; i < sessions; i++) {
      CHECK_EQUAL(pool.pick(i, seats[i]), PickStatus::kOk);
      away += seats[i].reason != Reason::kHome;
    }
    for (Seat& seat : seats) pool.release(seat);
  }
  return 100.0 * static_cast<double>(away) / static_cast<double>(sessions * pools);
}

}  // namespace

TEST("the share of keys that overflow is that of an order without cascades") {
  // Room for c · 10: simulated 9.6, 3.2, 0.8 and 0 per cent. A ring of one point would spill 34 at 1.25.
  CHECK_WITHIN(spill(11, 1'000), 7.5, 11.5);
  CHECK_WITHIN(spill(13, 1'000), 2.2, 4.2);
  CHECK_WITHIN(spill(15, 1'000), 0.3, 1.4);
  CHECK_WITHIN(spill(20, 1'000), 0.0, 0.1);
  // Room for 1.25 · 100.
  CHECK_WITHIN(spill(125, 10'000), 0.0, 0.5);
}

TEST("the spill of one full backend goes to nearly all others") {
  TestPool pool({.bound_milli = 0, .table_size = 0});
  for (unsigned i = 0; i < 50; i++) pool.set("b" + std::to_string(i), 1, i == 7 ? 1 : 0);
  pool.pool.publish();
  std::map<std::string, unsigned> went;
  std::vector<Seat> seats;
  for (uint64_t i = 0; i < 20'000; i++) {
    if (pool.order(i)[0] != "b7") continue;
    seats.emplace_back();
    REQUIRE(pool.pick(i, seats.back()) == PickStatus::kOk);
    if (seats.back().reason == Reason::kOverflow) went[seats.back().backend->name]++;
  }
  CHECK(went.size() >= 45);
  for (const auto& [name, count] : went) CHECK(count < seats.size() / 8);
  for (Seat& seat : seats) pool.release(seat);
  pool.check_empty();
}

TEST_MAIN
