// Rosters that are replaced while threads pick: backends that come, go, and come back.
#include <algorithm>
#include <set>

#include "support/pools.h"
#include "support/test.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

std::string name_of(uint64_t number) { return "b" + std::to_string(number); }

// An endpoint that shows when it was freed, and whose it is.
struct Mark final : Endpoint {
  explicit Mark(std::string backend) : name(std::move(backend)) {}
  ~Mark() override { alive = 0; }
  const std::string name;
  volatile uint32_t alive = 0x11fe;
};

void set_marked(TestPool& pool, const std::string& name, uint32_t weight, uint32_t limit, BackendState state) {
  pool.pool.set_backend(name, {std::make_shared<Mark>(name), weight, limit, state});
}

void check_mark(const Seat& seat) {
  const auto* const mark = static_cast<const Mark*>(seat.endpoint);
  if (!mark || mark->alive != 0x11fe || mark->name != seat.backend->name) FAIL("a wrong endpoint");
}

void change_something(TestPool& pool, Random& random) {
  const std::string name = name_of(random.below(12));
  const uint64_t dice = random.below(10);
  if (dice < 3) {
    pool.pool.remove_backend(name);
    if (dice == 0) set_marked(pool, name, 1, 0, BackendState::kReady);  // at once again: another backend
  } else {
    const auto weight = static_cast<uint32_t>(random.below(4));
    const auto limit = static_cast<uint32_t>(random.chance(70) ? 0 : random.between(1, 20));
    set_marked(pool, name, weight, limit, static_cast<BackendState>(random.chance(70) ? 0 : random.between(1, 2)));
  }
}

void live(TestPool& pool, uint64_t stream, const std::atomic<bool>& done) {
  Pool::Thread thread(*pool.domain);
  Random random(stream);
  std::vector<Seat> held;
  uint64_t now_ms = kStartMs;
  while (!done.load()) {
    const EpochGuard guard(thread);
    for (uint64_t i = random.below(20); i > 0; i--) {  // a batch of events under one guard
      now_ms += random.below(20);
      if (held.size() < 30 && random.chance(55)) {
        Seat seat;
        PickStatus status =
            pool.pool.pick(thread, random.chance(3) ? AffinityKey{} : client(random.below(300)), seat, now_ms);
        if (status == PickStatus::kOk) check_mark(seat);
        while (status == PickStatus::kOk && random.chance(20) && seat.tried_count < kMaxRetries) {
          status = pool.pool.redispatch(thread, seat, random.chance(20), now_ms);
          if (status == PickStatus::kOk) check_mark(seat);
        }
        if (status != PickStatus::kOk) {
          pool.pool.release(seat, true, now_ms);
          continue;
        }
        if (random.chance(80)) pool.pool.confirm(thread, seat, now_ms);
        held.push_back(seat);
      } else if (!held.empty()) {
        std::swap(held[random.below(held.size())], held.back());
        pool.pool.release(held.back(), !held.back().established, now_ms);
        held.pop_back();
      }
    }
  }
  for (Seat& seat : held) pool.pool.release(seat, !seat.established, now_ms);
}

}  // namespace

TEST("four threads pick while the roster changes all the time") {
  for (const PlacementKind kind : {PlacementKind::kRendezvous, PlacementKind::kRing}) {
    TestPool pool({.bound_milli = 1250, .table_size = 150, .kind = kind});
    for (uint64_t i = 0; i < 12; i++) set_marked(pool, name_of(i), 1, 0, BackendState::kReady);
    pool.pool.publish();
    std::atomic<bool> done{false};
    run_threads(5, [&](unsigned number) {
      if (number > 0) {
        live(pool, number, done);
        return;
      }
      Random random(100);
      for (uint64_t i = 0; i < rounds(400, 10'000); i++) {
        for (uint64_t changes = random.between(1, 4); changes > 0; changes--) change_something(pool, random);
        pool.pool.publish();
        std::this_thread::yield();
      }
      done = true;
    });
    pool.check_empty();
    // With nobody there, two more rosters see off every record of a removed backend.
    pool.pool.publish();
    pool.pool.publish();
    size_t records = 0;
    pool.pool.registry().each([&](const Backend&) { records++; });
    CHECK_EQUAL(records, pool.pool.roster().entries.size());
    CHECK(pool.pool.roster().removed.empty());
  }
}

TEST("homes do not depend on the order in which backends were listed, nor on what was there before") {
  Random random(1);
  for (const PlacementKind kind : {PlacementKind::kRendezvous, PlacementKind::kRing}) {
    std::vector<std::vector<std::string>> homes;
    for (unsigned variant = 0; variant < 4; variant++) {
      TestPool pool({.table_size = 0, .kind = kind});
      std::vector<uint64_t> numbers(20);
      for (uint64_t i = 0; i < 20; i++) numbers[i] = i;
      for (uint64_t i = 19; i > 0; i--) std::swap(numbers[i], numbers[random.below(i + 1)]);
      for (const uint64_t number : numbers) {
        if (variant > 1) pool.set("old" + std::to_string(number), 3);
        pool.set(name_of(number), variant == 3 ? 5 : static_cast<uint32_t>(1 + number % 3));
        if (variant > 0) pool.pool.publish();
      }
      for (const uint64_t number : numbers) {
        pool.pool.remove_backend("old" + std::to_string(number));
        pool.set(name_of(number), static_cast<uint32_t>(1 + number % 3));
        if (variant > 0) pool.pool.publish();
      }
      pool.pool.publish();
      homes.emplace_back();
      for (uint64_t i = 0; i < 2'000; i++) homes.back().push_back(pool.order(i)[0]);
    }
    for (unsigned variant = 1; variant < 4; variant++) CHECK(homes[variant] == homes[0]);
  }
}

TEST("a backend that comes back under its name gets its keys, not the pins of the old one") {
  TestPool pool;
  pool.add_equal(3);
  uint64_t away = 0;
  while (pool.order(away)[0] == "b1") away++;
  pool.set(pool.order(away)[0], 1, 0, BackendState::kDown);
  for (const char* name : {"b0", "b2"}) pool.set(name, 1, 0, BackendState::kDown);
  pool.pool.publish();
  CHECK_EQUAL(pool.visit(away), "b1");
  for (const char* name : {"b0", "b2"}) pool.set(name);
  pool.pool.remove_backend("b1");
  pool.set("b1");
  pool.pool.publish();
  CHECK_EQUAL(pool.pin(away), "gone");
  CHECK_EQUAL(pool.visit(away), pool.order(away)[0]);
  CHECK_EQUAL(pool.pin(away), pool.order(away)[0]);
}

TEST("indexes are reused, each time under another generation") {
  TestPool pool({.table_size = 0});
  pool.add_equal(2);
  std::set<std::pair<uint16_t, uint16_t>> seen;
  for (unsigned i = 0; i < 200; i++) {
    pool.set("guest");
    pool.pool.publish();
    const Backend& guest = *pool.entry("guest")->backend;
    CHECK(seen.insert({guest.index, guest.generation}).second);
    pool.pool.remove_backend("guest");
    pool.pool.publish();
    pool.pool.publish();
  }
  CHECK(pool.pool.registry().indexes() <= 5);
}

TEST("an index with a session on it is not reused, and its record lives on") {
  TestPool pool;
  pool.set("a");
  pool.pool.publish();
  Seat seat;
  REQUIRE(pool.pick(1, seat) == PickStatus::kOk);
  const Backend* const old = seat.backend;
  pool.pool.remove_backend("a");
  pool.set("b");
  for (unsigned i = 0; i < 5; i++) pool.pool.publish();
  CHECK(pool.entry("b")->backend->index != old->index);
  CHECK_EQUAL(old->name, "a");
  CHECK_EQUAL(old->sessions(), 1U);
  CHECK_EQUAL(pool.pool.roster().removed.size(), size_t{1});
  pool.release(seat);
  for (unsigned i = 0; i < 3; i++) pool.pool.publish();
  CHECK(pool.pool.roster().removed.empty());
  pool.set("c");
  pool.pool.publish();
  CHECK_EQUAL(pool.entry("c")->backend->index, uint16_t{0});
  CHECK_EQUAL(pool.entry("c")->backend->generation, uint16_t{1});
  pool.check_empty();
}

TEST("when the generations of an index wrap, its old pins are forgotten") {
  TestPool pool({.table_size = 1'000});
  pool.set("a");
  pool.pool.publish();
  pool.visit(1);
  const Backend& first = *pool.entry("a")->backend;
  REQUIRE(first.index == 0 && first.generation == 0);
  CHECK_EQUAL(pool.pin(1), "a");
  for (unsigned i = 1; i <= kGenerations; i++) {
    pool.pool.remove_backend(i % 2 == 0 ? "b" : "a");
    pool.pool.publish();
    pool.pool.publish();
    pool.set(i % 2 == 0 ? "a" : "b", 0);  // no new keys, so no placement to make
    pool.pool.publish();
    const RosterEntry& entry = pool.pool.roster().entries[0];
    REQUIRE(entry.backend->index == 0 && entry.backend->generation == i % kGenerations);
    if (i < kGenerations) CHECK_EQUAL(pool.pin(1), "gone");
  }
  CHECK_EQUAL(pool.pin(1), "");
}

TEST("10,000 backends, and not one more") {
  TestPool pool({.table_size = 0});
  for (uint64_t i = 0; i < kMaxBackends; i++) CHECK(pool.set(name_of(i)) >= 0);
  CHECK_EQUAL(pool.set("one more"), -1);
  CHECK(pool.set(name_of(17), 5) >= 0);  // a change is no new one
  pool.pool.publish();
  CHECK_EQUAL(pool.pool.roster().entries.size(), kMaxBackends);
  Seat seat;
  CHECK_EQUAL(pool.pick(1, seat), PickStatus::kOk);
  pool.release(seat);
  pool.pool.remove_backend(name_of(3));
  CHECK(pool.set("one more") >= 0);
  pool.pool.publish();
  CHECK_EQUAL(pool.pool.roster().entries.size(), kMaxBackends);
  CHECK(pool.entry(name_of(3)) == nullptr);
}

TEST("indexes run out while sessions hold them, and come back with their end") {
  TestPool pool({.table_size = 0});
  std::vector<Backend*> held;
  for (uint64_t i = 0; i < Registry::kMaxIndexes; i++) {
    REQUIRE(pool.set(name_of(i)) >= 0);
    if (pool.pool.registry().indexes() % 8'000 != 0 && i + 1 < Registry::kMaxIndexes) continue;
    pool.pool.publish();
    for (const RosterEntry& entry : pool.pool.roster().entries) {
      entry.backend->take([](uint32_t) { return true; });
      held.push_back(entry.backend);
      pool.pool.remove_backend(entry.backend->name);
    }
    pool.pool.publish();
  }
  CHECK_EQUAL(held.size(), Registry::kMaxIndexes);
  CHECK_EQUAL(pool.set("one more"), -1);
  for (Backend* backend : held) backend->give_back();
  for (unsigned i = 0; i < 3; i++) pool.pool.publish();
  CHECK(pool.set("one more") >= 0);
  pool.pool.publish();
  CHECK(pool.entry("one more")->backend->generation > 0);
}

TEST("roster numbers rise by one; an unknown name is not removed") {
  TestPool pool;
  const uint64_t number = pool.pool.roster().number;
  CHECK_EQUAL(pool.pool.publish(), number + 1);
  CHECK_EQUAL(pool.pool.publish(), number + 2);
  CHECK(!pool.pool.remove_backend("nobody"));
  pool.set("a");
  CHECK(pool.pool.remove_backend("a"));
  CHECK(!pool.pool.remove_backend("a"));
  pool.pool.publish();
  CHECK(pool.pool.roster().entries.empty());
}

TEST_MAIN
