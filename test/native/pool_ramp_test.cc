// A backend that warms up: it takes a part of its home keys and of its bound, and no key moves twice.
#include <cmath>
#include <map>

#include "support/pools.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kClients = 4'000;

struct Warming : TestPool {
  explicit Warming(uint32_t bound_milli = 0, size_t table_size = 0)
      : TestPool({.bound_milli = bound_milli, .table_size = table_size}) {
    add_equal(5);
  }
  void ramp(const std::string& name, uint32_t ramp) {
    CHECK(pool.set_backend(name, {nullptr, 1, 0, BackendState::kReady, false, ramp}) >= 0);
  }
};

}  // namespace

TEST("a ramp lets keys come home, each once, and touches nobody else's") {
  Warming pool;
  std::vector<std::string> at(kClients);
  std::vector<unsigned> moves(kClients);
  uint64_t homes = 0, came_late = 0;
  for (uint64_t n = 0; n < kClients; n++) homes += pool.order(n)[0] == "b2";
  for (uint32_t step = 0; step <= 16; step++) {
    pool.ramp("b2", std::max(1U, step * (kFullRamp / 16)));
    pool.pool.publish();
    uint64_t home = 0;
    for (uint64_t n = 0; n < kClients; n++) {
      const auto order = pool.order(n);
      const std::string name = pool.visit(n);
      CHECK(name == order[0] || (order[0] == "b2" && name == order[1]));
      if (name == "b2") home++;
      if (step > 0 && name != at[n]) moves[n]++;
      at[n] = name;
    }
    const double wanted = static_cast<double>(homes) * step / 16;
    CHECK(std::abs(static_cast<double>(home) - wanted) < 5 * std::sqrt(static_cast<double>(homes)) / 2 + 1);
  }
  for (uint64_t n = 0; n < kClients; n++) {
    CHECK(moves[n] <= 1);
    CHECK_EQUAL(at[n], pool.order(n)[0]);
    came_late += moves[n];
  }
  CHECK(came_late > homes / 2);
}

TEST("where several warm up at one time, still no key moves twice") {
  Warming pool;
  Random random(7);
  std::map<std::string, uint32_t> ramps{{"b0", 1}, {"b1", 1}, {"b3", 1}};
  std::vector<std::string> at(kClients);
  std::vector<unsigned> moves(kClients);
  for (bool first = true; ramps["b0"] + ramps["b1"] + ramps["b3"] < 3 * kFullRamp; first = false) {
    for (auto& [name, ramp] : ramps) {
      if (!first) ramp = std::min(kFullRamp, ramp + static_cast<uint32_t>(random.below(kFullRamp / 8)));
      pool.ramp(name, ramp);
    }
    pool.pool.publish();
    for (uint64_t n = 0; n < kClients; n++) {
      const std::string name = pool.visit(n);
      if (!first && name != at[n]) moves[n]++;
      at[n] = name;
    }
  }
  for (uint64_t n = 0; n < kClients; n++) CHECK(moves[n] <= 1);
}

TEST("pins stay where they are, at a backend that warms up, too") {
  Warming pool(0, 10'000);
  std::vector<std::string> at(200);
  for (uint64_t n = 0; n < at.size(); n++) at[n] = pool.visit(n);
  for (const char* name : {"b0", "b1", "b2", "b3", "b4"}) pool.ramp(name, 1);
  pool.pool.publish();
  for (uint64_t n = 0; n < at.size(); n++) CHECK_EQUAL(pool.visit(n), at[n]);
}

TEST("a backend that warms up holds its part of the bound, and everybody has a seat") {
  Warming pool(1000);
  pool.ramp("b2", kFullRamp / 4);
  pool.pool.publish();
  std::vector<Seat> seats(425);
  for (size_t i = 0; i < seats.size(); i++) {
    CHECK_EQUAL(pool.pick(i, seats[i]), PickStatus::kOk);
    // max(1, ceil(c·(m+1)·w/W)) with w = 1/4 of 17/4.
    CHECK(pool.sessions("b2") <= std::max<size_t>(1, (i + 17) / 17));
  }
  CHECK_EQUAL(pool.sessions("b2"), 25U);
  CHECK_EQUAL(pool.sessions("b0"), 100U);
  for (Seat& seat : seats) pool.release(seat);
  pool.check_empty();
}

TEST("one that is alone serves, however cold") {
  TestPool pool;
  pool.pool.set_backend("a", {nullptr, 1, 0, BackendState::kReady, false, 1});
  pool.pool.publish();
  for (uint64_t n = 0; n < 100; n++) CHECK_EQUAL(pool.visit(n), "a");
}

TEST_MAIN
