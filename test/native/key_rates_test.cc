// Token buckets of keys: what they let through, when the table is full, and with many threads.
#include "core/key_rates.h"

#include <atomic>
#include <map>

#include "support/random.h"
#include "support/test.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kStartMs = 1'000'000;

AffinityKey key_of(uint64_t number) { return {number, KeyKind::kIpv4}; }

bool yes(KeyRates::Verdict verdict) {
  return verdict == KeyRates::Verdict::kYes || verdict == KeyRates::Verdict::kYesShared;
}
bool shared(KeyRates::Verdict verdict) {
  return verdict == KeyRates::Verdict::kYesShared || verdict == KeyRates::Verdict::kNoShared;
}

// So many of `tries` get through.
unsigned through(KeyRates& rates, uint64_t number, unsigned tries, uint64_t now_ms) {
  unsigned count = 0;
  for (unsigned i = 0; i < tries; i++) count += yes(rates.take(key_of(number), number, now_ms)) ? 1 : 0;
  return count;
}

// A bucket as it is described: tokens that come back one by one, in thousandths, so that 1000 ms · rate is whole.
class Bucket {
 public:
  Bucket(uint64_t per_second, uint64_t burst) : per_second_(per_second), full_(burst * 1000), tokens_(full_) {}
  bool take(uint64_t now_ms) {
    tokens_ = std::min(full_, tokens_ + (now_ms - at_ms_) * per_second_);
    at_ms_ = now_ms;
    if (tokens_ < 1000) return false;
    tokens_ -= 1000;
    return true;
  }

 private:
  uint64_t per_second_;
  uint64_t full_;
  uint64_t tokens_;
  uint64_t at_ms_ = kStartMs;
};

}  // namespace

TEST("a burst at once, then as many as come back") {
  KeyRates rates(10, 5, 64);
  CHECK_EQUAL(through(rates, 1, 20, kStartMs), 5U);
  CHECK_EQUAL(through(rates, 1, 20, kStartMs + 99), 0U);
  CHECK_EQUAL(through(rates, 1, 20, kStartMs + 100), 1U);
  CHECK_EQUAL(through(rates, 1, 20, kStartMs + 399), 2U);
  CHECK_EQUAL(through(rates, 1, 20, kStartMs + 60'000), 5U);
  CHECK_EQUAL(through(rates, 2, 20, kStartMs + 60'000), 5U);
}

TEST("who is refused waits no longer for it") {
  KeyRates rates(1, 1, 64);
  CHECK_EQUAL(through(rates, 1, 1, kStartMs), 1U);
  CHECK_EQUAL(through(rates, 1, 1'000, kStartMs + 999), 0U);
  CHECK_EQUAL(through(rates, 1, 1'000, kStartMs + 1'000), 1U);
}

TEST("a clock that is a little behind takes nothing back") {
  KeyRates rates(10, 2, 64);
  CHECK_EQUAL(through(rates, 1, 2, kStartMs + 4), 2U);
  CHECK_EQUAL(through(rates, 1, 2, kStartMs), 0U);
  CHECK_EQUAL(through(rates, 1, 2, kStartMs + 104), 1U);
}

TEST("keys of one value and two kinds are two") {
  KeyRates rates(1, 1, 1);
  CHECK(yes(rates.take({7, KeyKind::kIpv4}, 0, kStartMs)));
  CHECK(yes(rates.take({7, KeyKind::kIpv6}, 0, kStartMs)));
  CHECK(!yes(rates.take({7, KeyKind::kIpv4}, 0, kStartMs)));
  CHECK(!yes(rates.take({7, KeyKind::kIpv6}, 0, kStartMs)));
}

TEST("any sequence gets what token buckets would give") {
  Random random(3);
  for (const auto& [rate, burst] : std::map<unsigned, unsigned>{{1, 1}, {2, 5}, {10, 3}, {100, 100}, {1000, 20}}) {
    KeyRates rates(rate, burst, 256);
    std::map<uint64_t, Bucket> buckets;
    uint64_t now_ms = kStartMs;
    unsigned wrong = 0;
    for (unsigned i = 0; i < 20'000; i++) {
      now_ms += random.below(3) == 0 ? random.below(3'000 / rate + 2) : 0;
      const uint64_t number = random.below(20);
      Bucket& bucket = buckets.try_emplace(number, rate, burst).first->second;
      // Keys that never share a line.
      wrong += yes(rates.take(key_of(number), number, now_ms)) == bucket.take(now_ms) ? 0 : 1;
    }
    CHECK_EQUAL(wrong, 0U);
  }
}

TEST("a full line: further keys share one bucket, until a cell is free again") {
  KeyRates rates(1, 2, 1);
  for (uint64_t number = 1; number <= KeyRates::kCells; number++) {
    CHECK(!shared(rates.take(key_of(number), 0, kStartMs)));
  }
  unsigned passed = 0;
  for (uint64_t number = 10; number < 1'000; number++) {
    const auto verdict = rates.take(key_of(number), 0, kStartMs);
    CHECK(shared(verdict));
    passed += yes(verdict) ? 1 : 0;
  }
  CHECK_EQUAL(passed, 2U);
  // Those that have cells have them still.
  CHECK(rates.take(key_of(1), 0, kStartMs) == KeyRates::Verdict::kYes);
  CHECK(rates.take(key_of(1), 0, kStartMs) == KeyRates::Verdict::kNo);
  // A second later the buckets of the others are full: their cells are free.
  CHECK(rates.take(key_of(10), 0, kStartMs + 1'000) == KeyRates::Verdict::kYes);
}

TEST("a flood of keys passes what the table has room for, and no more") {
  constexpr size_t kLines = 64;
  KeyRates rates(1, 1, kLines);
  Random random(4);
  unsigned passed = 0;
  for (unsigned i = 0; i < 100'000; i++) passed += yes(rates.take(key_of(i), random.next(), kStartMs)) ? 1 : 0;
  CHECK_EQUAL(passed, unsigned{kLines * (KeyRates::kCells + 1)});
}

TEST("many threads get, of each key, what one would get") {
  constexpr unsigned kThreads = 8;
  constexpr unsigned kKeys = 50;
  KeyRates rates(100, 30, 16'384);
  std::array<std::atomic<unsigned>, kKeys> passed{};
  run_threads(kThreads, [&](unsigned) {
    for (unsigned i = 0; i < 20'000; i++) {
      const uint64_t number = i % kKeys;
      if (yes(rates.take(key_of(number), mix64(number), kStartMs + i / 10))) passed[number].fetch_add(1);
    }
  });
  // 2 s: the burst, and 100 a second. Which thread is how far decides whether tokens are lost by then, never whether
  // there are more.
  for (const auto& one : passed) CHECK_WITHIN(one.load(), 30U, 230U);
}

TEST_MAIN
