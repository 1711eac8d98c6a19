// Backends that take new sessions at a rate: whose turn is when.
#include <algorithm>
#include <atomic>

#include "support/pools.h"
#include "support/test.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kLongMs = 3'600'000;
constexpr uint64_t kTooLong = UINT64_MAX;

TestPool slow_pool(uint32_t admit_per_second) {
  PoolOptions options;
  options.bound_milli = 0;
  options.admit_per_second = admit_per_second;
  return TestPool(options);
}

// How long the next session of the pool has to wait, in the pool's time.
uint64_t wait_of(TestPool& pool, uint64_t key, uint64_t most_ms = kLongMs) {
  Seat seat;
  CHECK(pool.pick(key, seat) == PickStatus::kOk);
  const auto wait = pool.pool.admit(pool.thread, seat, pool.now_ms, most_ms);
  pool.release(seat);
  return wait.value_or(kTooLong);
}

}  // namespace

TEST("without a rate nobody waits") {
  TestPool pool = slow_pool(0);
  pool.add_equal(1);
  for (unsigned i = 0; i < 1'000; i++) CHECK_EQUAL(wait_of(pool, i, 0), uint64_t{0});
  CHECK_EQUAL(pool.counter(PoolCounter::kHeld), uint64_t{0});
}

TEST("a tenth of a second's worth at once, then one after the other") {
  TestPool pool = slow_pool(50);
  pool.add_equal(1);
  for (unsigned i = 0; i < 5; i++) CHECK_EQUAL(wait_of(pool, i), uint64_t{0});
  for (unsigned i = 1; i <= 100; i++) CHECK_EQUAL(wait_of(pool, i), uint64_t{i * 20});
  CHECK_EQUAL(pool.counter(PoolCounter::kHeld), uint64_t{100});
  // When all turns are over it is as at first.
  pool.now_ms += 3'000;
  for (unsigned i = 0; i < 5; i++) CHECK_EQUAL(wait_of(pool, i), uint64_t{0});
  CHECK_EQUAL(wait_of(pool, 1), uint64_t{20});
}

TEST("who would wait too long takes no turn from others") {
  TestPool pool = slow_pool(1);
  pool.add_equal(1);
  CHECK_EQUAL(wait_of(pool, 1, 2'000), uint64_t{0});
  CHECK_EQUAL(wait_of(pool, 1, 2'000), uint64_t{1'000});
  CHECK_EQUAL(wait_of(pool, 1, 2'000), uint64_t{2'000});
  for (unsigned i = 0; i < 10; i++) CHECK_EQUAL(wait_of(pool, 1, 2'000), kTooLong);
  pool.now_ms += 500;
  CHECK_EQUAL(wait_of(pool, 1, 2'500), uint64_t{2'500});
  CHECK_EQUAL(pool.counter(PoolCounter::kHeld), uint64_t{3});
}

TEST("each backend has its own rate") {
  TestPool pool = slow_pool(1);
  pool.add_equal(2);
  uint64_t other = 2;
  while (pool.order(other)[0] == pool.order(1)[0]) other++;
  CHECK_EQUAL(wait_of(pool, 1), uint64_t{0});
  CHECK_EQUAL(wait_of(pool, other), uint64_t{0});
  CHECK_EQUAL(wait_of(pool, 1), uint64_t{1'000});
  CHECK_EQUAL(wait_of(pool, other), uint64_t{1'000});
}

TEST("after the wait: whether the backend serves still") {
  TestPool pool = slow_pool(1);
  pool.add_equal(1);
  Seat seat;
  CHECK(pool.pick(1, seat) == PickStatus::kOk);
  CHECK(pool.pool.serves_still(seat));
  pool.set("b0", 1, 0, BackendState::kDrain);
  pool.pool.publish();
  CHECK(pool.pool.serves_still(seat));
  pool.set("b0", 1, 0, BackendState::kDown);
  pool.pool.publish();
  CHECK(!pool.pool.serves_still(seat));
  pool.pool.remove_backend("b0");
  pool.pool.publish();
  CHECK(!pool.pool.serves_still(seat));
  CHECK(seat.endpoint == nullptr);
  CHECK(pool.redispatch(seat, true) == PickStatus::kNoBackend);
  pool.release(seat, true);
  pool.check_empty();
}

TEST("many threads: no two sessions have the same turn, and no turn is left out") {
  constexpr unsigned kThreads = 8;
  constexpr unsigned kEach = 500;
  TestPool pool = slow_pool(10);
  pool.add_equal(1);
  std::vector<std::vector<uint64_t>> waits(kThreads);
  run_threads(kThreads, [&](unsigned number) {
    Pool::Thread thread(*pool.domain);
    for (unsigned i = 0; i < kEach; i++) {
      const EpochGuard guard(thread);
      Seat seat;
      if (pool.pool.pick(thread, client(number), seat, kStartMs) != PickStatus::kOk) continue;
      waits[number].push_back(pool.pool.admit(thread, seat, kStartMs, kLongMs).value_or(kTooLong));
      pool.pool.release(seat, false, kStartMs);
    }
  });
  std::vector<uint64_t> all;
  for (const auto& part : waits) {
    CHECK(std::is_sorted(part.begin(), part.end()));
    all.insert(all.end(), part.begin(), part.end());
  }
  std::sort(all.begin(), all.end());
  CHECK_EQUAL(all.size(), size_t{kThreads * kEach});
  unsigned wrong = 0;
  for (size_t i = 0; i < all.size(); i++) wrong += all[i] == i * 100 ? 0 : 1;
  CHECK_EQUAL(wrong, 0U);
}

TEST_MAIN
