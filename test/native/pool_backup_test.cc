// Backups: apart from homes, and out of service while anybody else takes new keys.
#include <algorithm>
#include <set>

#include "support/pools.h"

using namespace limpet;
using namespace limpet::test;

namespace {

struct Mixed : TestPool {
  Mixed() : TestPool({.bound_milli = 0}) {
    for (const char* name : {"a", "b", "c"}) put(name, false);
    for (const char* name : {"x", "y"}) put(name, true);
    pool.publish();
  }
  void put(const std::string& name, bool backup, BackendState state = BackendState::kReady) {
    CHECK(pool.set_backend(name, {nullptr, 1, 0, state, backup}) >= 0);
  }
  void primaries(BackendState state) {
    for (const char* name : {"a", "b", "c"}) put(name, false, state);
    pool.publish();
  }
  std::string home(uint64_t number) {
    const RosterEntry* const entry = pool.roster().home(pool.place_hash(client(number)));
    return entry ? entry->backend->name : "-";
  }
};

constexpr uint64_t kClients = 500;

}  // namespace

TEST("homes are those of the pool without backups, whoever is up") {
  Mixed pool;
  TestPool alone({.bound_milli = 0});
  for (const char* name : {"a", "b", "c"}) alone.set(name);
  alone.pool.publish();
  for (const BackendState state : {BackendState::kReady, BackendState::kDown, BackendState::kReady}) {
    pool.primaries(state);
    for (uint64_t n = 0; n < kClients; n++) CHECK_EQUAL(pool.home(n), alone.order(n)[0]);
  }
}

TEST("backups get nobody while another backend takes new keys") {
  Mixed pool;
  pool.put("a", false, BackendState::kDown);
  pool.put("b", false, BackendState::kDown);
  pool.pool.publish();
  for (uint64_t n = 0; n < kClients; n++) CHECK_EQUAL(pool.visit(n), "c");
  Seat seat;
  CHECK_EQUAL(pool.pick_without_key(seat), PickStatus::kOk);
  CHECK_EQUAL(seat.backend->name, "c");
  pool.release(seat);
  pool.check_empty();
}

TEST("backups serve by an order of their own when nobody else does, and give way again") {
  Mixed pool;
  for (uint64_t n = 0; n < kClients; n++) CHECK_EQUAL(pool.visit(n), pool.home(n));
  pool.primaries(BackendState::kDown);
  std::set<std::string> used;
  for (uint64_t n = 0; n < kClients; n++) {
    Seat seat;
    CHECK_EQUAL(pool.pick(n, seat), PickStatus::kOk);
    CHECK_EQUAL(seat.reason, Reason::kFailover);
    CHECK_EQUAL(seat.backend->name, pool.order(n)[3]);
    used.insert(seat.backend->name);
    pool.confirm(seat);
    pool.release(seat);
    CHECK_EQUAL(pool.pin(n), pool.order(n)[3]);
  }
  CHECK_EQUAL(used.size(), size_t{2});
  // Not even for their pins.
  pool.primaries(BackendState::kReady);
  for (uint64_t n = 0; n < kClients; n++) CHECK_EQUAL(pool.visit(n), pool.home(n));
  pool.check_empty();
}

TEST("the clients of a draining backend stay, and new ones go to backups") {
  Mixed pool;
  pool.visit(1);
  const std::string before = pool.pin(1);
  pool.primaries(BackendState::kDrain);
  CHECK_EQUAL(pool.visit(1), before);
  const std::string other = pool.visit(2);
  CHECK(other == "x" || other == "y");
}

TEST("backups keep to the bound, of which primaries are no part") {
  TestPool pool({.bound_milli = 1000, .table_size = 0});
  pool.pool.set_backend("a", {nullptr, 1, 0, BackendState::kReady, false});
  pool.pool.set_backend("x", {nullptr, 1, 0, BackendState::kReady, true});
  pool.pool.set_backend("y", {nullptr, 1, 0, BackendState::kReady, true});
  pool.pool.publish();
  std::vector<Seat> early(20), late(40);
  for (size_t i = 0; i < early.size(); i++) CHECK_EQUAL(pool.pick(i, early[i]), PickStatus::kOk);
  CHECK_EQUAL(pool.sessions("a"), 20U);
  pool.pool.set_backend("a", {nullptr, 1, 0, BackendState::kDown, false});
  pool.pool.publish();
  for (size_t i = 0; i < late.size(); i++) CHECK_EQUAL(pool.pick(100 + i, late[i]), PickStatus::kOk);
  CHECK_EQUAL(pool.sessions("x"), 20U);
  CHECK_EQUAL(pool.sessions("y"), 20U);
  for (Seat& seat : early) pool.release(seat);
  for (Seat& seat : late) pool.release(seat);
  pool.check_empty();
}

TEST("a pool of backups only serves, and has no homes") {
  TestPool pool;
  pool.pool.set_backend("x", {nullptr, 1, 0, BackendState::kReady, true});
  pool.pool.publish();
  CHECK(pool.pool.roster().home(1) == nullptr);
  CHECK_EQUAL(pool.visit(1), "x");
}

TEST_MAIN
