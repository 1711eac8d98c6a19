// The sketch of frequent keys, judged by an exact count.
#include "core/hot_sketch.h"

#include <map>

#include "support/random.h"
#include "support/test.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kNow = 1'000'000;

AffinityKey key_of(uint64_t number) { return {number, KeyKind::kIpv6}; }

struct Judged {
  HotSketch sketch;
  std::map<uint64_t, uint64_t> exact;
  uint64_t total = 0;

  HotSketch::Count add(uint64_t number, uint64_t now_ms = kNow) {
    exact[number]++;
    total++;
    return sketch.add(key_of(number), mix64(number), now_ms);
  }
  HotSketch::Count of(uint64_t number) const { return sketch.of(key_of(number), mix64(number)); }
  // What the paper promises of n additions and m counters.
  void check() const {
    CHECK_EQUAL(sketch.total(), total);
    const uint64_t bound = total / HotSketch::kCounters;
    for (const auto& [number, count] : exact) {
      const HotSketch::Count seen = of(number);
      if (seen.count == 0) {
        CHECK(count <= bound);
        continue;
      }
      CHECK(seen.count >= count);
      CHECK(seen.count - count <= bound);
      CHECK(seen.error <= bound);
      CHECK(seen.at_least() <= count);
    }
  }
};

}  // namespace

TEST("few keys are counted exactly") {
  Judged judged;
  for (unsigned i = 0; i < 10'000; i++) judged.add(i % HotSketch::kCounters);
  judged.check();
  for (unsigned i = 0; i < HotSketch::kCounters; i++) {
    CHECK_EQUAL(uint64_t{judged.of(i).count}, judged.exact[i]);
    CHECK_EQUAL(judged.of(i).error, 0U);
  }
}

TEST("no count is too low, none too high by more than n / m, and every key with more is there") {
  for (uint64_t seed = 1; seed <= 4; seed++) {
    Random random(seed);
    Judged judged;
    const uint64_t rounds_of = rounds(30'000, 300'000);
    for (uint64_t i = 0; i < rounds_of; i++) {
      // Some are frequent, most come once or twice; the frequent ones come late in the last quarter only.
      const bool frequent = random.chance(30) && (seed != 4 || i > rounds_of * 3 / 4);
      judged.add(frequent ? random.below(20) : 1'000 + random.below(rounds_of));
    }
    judged.check();
  }
}

TEST("a spray of keys that come once does not hide a frequent one") {
  Judged judged;
  for (unsigned i = 0; i < 50'000; i++) judged.add(i % 100 == 0 ? 1 : 1'000 + i);
  judged.check();
  CHECK(judged.of(1).at_least() > 250U);
}

TEST("it ages by the clock, not by what comes") {
  Judged judged;
  for (unsigned i = 0; i < 1'000; i++) judged.add(1);
  CHECK_EQUAL(judged.add(2, kNow + HotSketch::kHalfLifeMs - 1).count, 1U);
  CHECK_EQUAL(judged.of(1).count, 1'000U);
  judged.add(3, kNow + HotSketch::kHalfLifeMs);
  CHECK_EQUAL(judged.of(1).count, 500U);
  CHECK_EQUAL(judged.sketch.total(), uint64_t{501});
  judged.add(3, kNow + 3 * HotSketch::kHalfLifeMs + 5);
  CHECK_EQUAL(judged.of(1).count, 125U);
  judged.add(3, kNow + 1'000 * HotSketch::kHalfLifeMs);
  CHECK_EQUAL(judged.of(1).count, 0U);
  CHECK_EQUAL(judged.of(3).count, 1U);
}

TEST("what it says of a key for certain stays so while it ages") {
  Random random(9);
  HotSketch sketch;
  std::map<uint64_t, double> exact;
  for (unsigned i = 0; i < 40'000; i++) {
    const uint64_t now_ms = kNow + i * 200;
    if (i > 0 && (now_ms - kNow) / HotSketch::kHalfLifeMs > (now_ms - 200 - kNow) / HotSketch::kHalfLifeMs) {
      for (auto& [number, count] : exact) count /= 2;
    }
    const uint64_t number = random.chance(50) ? random.below(50) : random.below(10'000);
    exact[number]++;
    CHECK(sketch.add(key_of(number), mix64(number), now_ms).at_least() <= exact[number]);
  }
}

TEST_MAIN
