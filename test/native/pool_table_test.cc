// What the control plane does with a pool's stick table, while sessions come and go.
#include "support/five_pool.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

std::optional<Stored> set_pin(TestPool& pool, uint64_t number, const std::string& name, uint64_t ttl_ms = kTtlMs) {
  const Backend& backend = *pool.entry(name)->backend;
  return pool.pool.set_pin(client(number), backend.index, backend.generation, ttl_ms, pool.now_ms);
}

size_t erase_all(TestPool& pool, const Backend* backend = nullptr) {
  size_t erased = 0;
  for (uint32_t cursor = 0; cursor < pool.pool.table()->buckets();) erased += pool.pool.erase_pins(cursor, backend);
  return erased;
}

}  // namespace

TEST("a pin that is set is followed, and knows whether it is at home") {
  Five pool;
  CHECK(set_pin(pool, 1, pool.nth(2)) == Stored::kFree);
  CHECK(pool.found(1)->pin.away);
  CHECK_EQUAL(pool.visit(1), pool.nth(2));
  CHECK(set_pin(pool, 1, pool.nth(0)) == Stored::kFree);
  CHECK(!pool.found(1)->pin.away);
  CHECK_EQUAL(pool.visit(1), pool.nth(0));
  pool.check_empty();
}

TEST("no pin to who is not in the roster") {
  Five pool;
  const Backend& backend = *pool.entry(pool.nth(2))->backend;
  const uint16_t index = backend.index;
  const uint16_t generation = backend.generation;
  CHECK(!pool.pool.set_pin(client(1), index, generation + 1, kTtlMs, pool.now_ms));
  pool.pool.remove_backend(pool.nth(2));
  pool.pool.publish();
  CHECK(!pool.pool.set_pin(client(1), index, generation, kTtlMs, pool.now_ms));
  CHECK_EQUAL(pool.pin(1), "");
}

TEST("a pin that was set, or erased, does not come back as the origin of a session that fails") {
  Five pool;
  pool.pin_to_second();
  Seat seat;
  pool.begin(seat);
  CHECK_EQUAL(pool.fail(seat), pool.nth(0));  // provisional, its origin the second
  set_pin(pool, 1, pool.nth(3));
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), pool.nth(3));

  pool.begin(seat = {});
  pool.fail(seat);
  CHECK(pool.pool.erase_pin(client(1), pool.now_ms));
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), "");

  pool.pin_to_second();
  pool.begin(seat = {});
  pool.fail(seat);
  CHECK_EQUAL(erase_all(pool), size_t{1});
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), "");
  pool.check_empty();
}

TEST("less than the table's ttl holds until the next use") {
  Five pool;
  set_pin(pool, 1, pool.nth(2), 1000);
  pool.now_ms += 1200;
  CHECK_EQUAL(pool.pin(1), "");
  set_pin(pool, 1, pool.nth(2), 1000);
  pool.visit(1);
  pool.now_ms += 1200;
  CHECK_EQUAL(pool.pin(1), pool.nth(2));
  set_pin(pool, 1, pool.nth(2), 100 * kTtlMs);
  pool.now_ms += kTtlMs + 200;
  CHECK_EQUAL(pool.pin(1), "");
}

TEST("erases the pins to one backend, and no others") {
  Five pool;
  for (uint64_t number = 0; number < 1000; number++) set_pin(pool, number, pool.nth(number % 5));
  CHECK_EQUAL(erase_all(pool, pool.entry(pool.nth(1))->backend), size_t{200});
  for (uint64_t number = 0; number < 1000; number++) {
    CHECK_EQUAL(pool.pin(number), number % 5 == 1 ? "" : pool.nth(number % 5));
  }
  CHECK_EQUAL(erase_all(pool), size_t{800});
  CHECK_EQUAL(pool.pool.table()->entries(), size_t{0});
}

TEST("lists and erases a bounded part at a time, and ends") {
  TestPool pool({.table_size = 1'000'000});
  pool.add_equal(3);
  set_pin(pool, 1, "b1");
  StickTable& table = *pool.pool.table();
  size_t found = 0;
  unsigned calls = 0;
  for (uint32_t cursor = 0; cursor < table.buckets(); calls++) {
    const uint32_t before = cursor;
    found += table.list(cursor, 10, pool.now_ms).size();
    CHECK(cursor > before && cursor - before <= StickTable::kBucketsAtOnce);
  }
  CHECK_EQUAL(found, size_t{1});
  CHECK(calls > 10);
  for (const uint32_t past : {table.buckets(), UINT32_MAX}) {
    uint32_t cursor = past;
    CHECK(table.list(cursor, 10, pool.now_ms).empty());
    CHECK_EQUAL(table.erase_if(cursor, [](const AffinityKey&, const Pin&) { return true; }), size_t{0});
    CHECK_EQUAL(cursor, past);
  }
}

TEST("set, erased, listed and cleared under sessions: nothing is lost count of") {
  TestPool pool({.table_size = 500});
  pool.add_equal(5);
  run_threads(4, [&](unsigned number) {
    Pool::Thread thread(*pool.domain);
    Random random(number);
    const auto steps = rounds(4000, 40'000);
    for (uint64_t step = 0; step < steps; step++) {
      const EpochGuard guard(thread);
      const AffinityKey key = client(random.below(800));
      if (number == 0) {
        const RosterEntry& entry = pool.pool.roster().entries[random.below(5)];
        pool.pool.set_pin(key, entry.backend->index, entry.backend->generation, kTtlMs, kStartMs);
        if (random.chance(30)) pool.pool.erase_pin(client(random.below(800)), kStartMs);
        if (random.chance(1)) {
          uint32_t cursor = 0;
          pool.pool.erase_pins(cursor, random.chance(50) ? entry.backend : nullptr);
        }
        if (random.chance(5)) {
          uint32_t cursor = 0;
          for (const auto& listed : pool.pool.table()->list(cursor, 50, kStartMs)) {
            CHECK(pool.pool.roster().find(listed.found.pin.backend, listed.found.pin.generation) != nullptr);
          }
        }
        continue;
      }
      Seat seat;
      if (pool.pool.pick(thread, key, seat, kStartMs) != PickStatus::kOk) continue;
      if (random.chance(20)) pool.pool.redispatch(thread, seat, false, kStartMs);
      if (seat.backend && random.chance(70)) pool.pool.confirm(thread, seat, kStartMs);
      pool.pool.release(seat, !seat.established, kStartMs);
    }
  });
  StickTable& table = *pool.pool.table();
  uint32_t cursor = 0;
  size_t listed = 0;
  while (cursor < table.buckets()) listed += table.list(cursor, 1000, kStartMs).size();
  CHECK_EQUAL(listed, table.entries());
  erase_all(pool);
  CHECK_EQUAL(table.entries(), size_t{0});
  pool.check_empty();
}

TEST_MAIN
