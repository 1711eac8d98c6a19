// Live sessions per key and backend.
#include "core/live_keys.h"

#include <map>
#include <tuple>

#include "support/random.h"
#include "support/test.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

struct Count {
  uint32_t seats = 0;
  uint32_t established = 0;
};

// The same, with a map.
class Model {
 public:
  bool acquire(const AffinityKey& key, uint16_t backend) {
    const bool first = total(key) == 0;
    counts_[id(key, backend)].seats++;
    return first;
  }
  void establish(const AffinityKey& key, uint16_t backend) { counts_[id(key, backend)].established++; }
  LiveKeys::Released release(const AffinityKey& key, uint16_t backend, bool established) {
    Count& count = counts_[id(key, backend)];
    count.seats--;
    if (established) count.established--;
    if (total(key) != 0) return {false, {}};
    const auto origin = origins_.find(id(key, 0));
    if (origin == origins_.end()) return {true, {}};
    const Pin pin = origin->second;
    origins_.erase(origin);
    return {true, pin};
  }
  void keep_origin(const AffinityKey& key, const Pin& pin) {
    if (total(key) != 0) origins_.emplace(id(key, 0), pin);
  }
  void drop_origin(const AffinityKey& key) { origins_.erase(id(key, 0)); }
  uint32_t total(const AffinityKey& key) const {
    uint32_t sum = 0;
    const auto from = counts_.lower_bound(id(key, 0));
    for (auto at = from; at != counts_.end() && at->first <= id(key, 0xffff); ++at) sum += at->second.seats;
    return sum;
  }
  Count on(const AffinityKey& key, uint16_t backend) const {
    const auto at = counts_.find(id(key, backend));
    return at == counts_.end() ? Count{} : at->second;
  }

 private:
  using Id = std::tuple<uint64_t, KeyKind, uint16_t>;
  static Id id(const AffinityKey& key, uint16_t backend) { return {key.value, key.kind, backend}; }
  std::map<Id, Count> counts_;
  std::map<Id, Pin> origins_;
};

void check_same(const LiveKeys::Released& one, const LiveKeys::Released& other) {
  CHECK_EQUAL(one.last, other.last);
  CHECK_EQUAL(one.origin.has_value(), other.origin.has_value());
  if (!one.origin || !other.origin) return;
  CHECK(one.origin->same_backend(*other.origin));
  CHECK_EQUAL(one.origin->away, other.origin->away);
  CHECK(!one.origin->provisional);
}

// How hashes fall: all over; into one shard; into one shard and one cell; at the end of a shard, so that runs wrap.
enum class Falls { kApart, kOneShard, kOneCell, kAtTheEnd };

uint64_t hash_of(const AffinityKey& key, Falls falls) {
  const uint64_t hash = mix64(key.value ^ static_cast<uint64_t>(key.kind) << 60);
  switch (falls) {
    case Falls::kApart:
      return hash;
    case Falls::kOneShard:
      return hash >> 6;
    case Falls::kOneCell:
      return 5;
    case Falls::kAtTheEnd:
      return 0xffffffffULL - (hash & 3);
  }
  return hash;
}

struct Held {
  AffinityKey key;
  uint16_t backend;
  bool established;
};

void random_operations(Falls falls, uint64_t keys, uint64_t count) {
  Random random(static_cast<uint64_t>(falls));
  LiveKeys live(0);
  Model model;
  std::vector<Held> held;
  for (uint64_t i = 0; i < count; i++) {
    // In waves, so that the table fills, grows and empties.
    const bool fill = (i / (keys * 4)) % 2 == 0;
    if (held.empty() || random.chance(fill ? 65 : 35)) {
      const Held one{{random.below(keys), random.chance(50) ? KeyKind::kIpv4 : KeyKind::kIpv6},
                     static_cast<uint16_t>(random.below(4) * 5000),
                     false};
      CHECK_EQUAL(live.acquire(one.key, hash_of(one.key, falls), one.backend), model.acquire(one.key, one.backend));
      held.push_back(one);
    } else {
      const size_t at = random.below(held.size());
      Held& one = held[at];
      const uint64_t hash = hash_of(one.key, falls);
      if (!one.established && random.chance(60)) {
        live.establish(one.key, hash, one.backend);
        model.establish(one.key, one.backend);
        one.established = true;
      } else {
        const auto released = model.release(one.key, one.backend, one.established);
        check_same(live.release(one.key, hash, one.backend, one.established), released);
        one = held.back();
        held.pop_back();
      }
    }
    const AffinityKey probe{random.below(keys), random.chance(50) ? KeyKind::kIpv4 : KeyKind::kIpv6};
    const auto backend = static_cast<uint16_t>(random.below(4) * 5000);
    const uint64_t hash = hash_of(probe, falls);
    if (random.chance(20)) {
      const Pin pin{static_cast<uint16_t>(random.below(kMaxPinBackend + 1)),
                    static_cast<uint16_t>(random.below(kGenerations)), random.chance(50), false};
      live.keep_origin(probe, hash, pin);
      model.keep_origin(probe, pin);
    } else if (random.chance(5)) {
      live.drop_origin(probe, hash);
      model.drop_origin(probe);
    }
    CHECK_EQUAL(live.count(probe, hash), model.total(probe));
    CHECK_EQUAL(live.any(probe, hash), model.total(probe) != 0);
    CHECK_EQUAL(live.established_on(probe, hash, backend), model.on(probe, backend).established != 0);
  }
}

}  // namespace

TEST("random operations agree with a map: keys apart") {
  random_operations(Falls::kApart, 2'000, rounds(100'000, 2'000'000));
}
TEST("random operations agree with a map: one shard that grows") {
  random_operations(Falls::kOneShard, 300, rounds(60'000, 1'000'000));
}
TEST("random operations agree with a map: every key in one cell") {
  random_operations(Falls::kOneCell, 20, rounds(30'000, 500'000));
}
TEST("random operations agree with a map: runs that wrap around") {
  random_operations(Falls::kAtTheEnd, 30, rounds(30'000, 500'000));
}

TEST("the first session and the last one are told") {
  LiveKeys live(100);
  const AffinityKey key{1, KeyKind::kIpv4};
  CHECK(live.acquire(key, 9, 1));
  CHECK(!live.acquire(key, 9, 2));
  CHECK(!live.acquire(key, 9, 1));
  CHECK_EQUAL(live.count(key, 9), 3U);
  CHECK(!live.release(key, 9, 1, false).last);
  CHECK(!live.release(key, 9, 1, false).last);
  CHECK(live.any(key, 9));
  CHECK(live.release(key, 9, 2, false).last);
  CHECK(!live.any(key, 9));
}

TEST("established is per backend") {
  LiveKeys live(100);
  const AffinityKey key{1, KeyKind::kIpv4};
  live.acquire(key, 9, 1);
  live.acquire(key, 9, 2);
  live.establish(key, 9, 2);
  CHECK(!live.established_on(key, 9, 1));
  CHECK(live.established_on(key, 9, 2));
  live.release(key, 9, 2, true);
  CHECK(!live.established_on(key, 9, 2));
  CHECK(live.any(key, 9));
}

TEST("threads on the same keys: every first has its last, and nothing is left") {
  LiveKeys live(16);
  constexpr uint64_t kKeys = 200;
  std::atomic<int64_t> firsts{0};
  std::atomic<int64_t> lasts{0};
  const uint64_t count = rounds(20'000, 500'000);
  run_threads(4, [&](unsigned thread) {
    Random random(thread);
    std::vector<Held> held;
    const auto release = [&](size_t at) {
      const Held one = held[at];
      held[at] = held.back();
      held.pop_back();
      if (live.release(one.key, hash_of(one.key, Falls::kApart), one.backend, one.established).last) lasts.fetch_add(1);
    };
    for (uint64_t i = 0; i < count; i++) {
      if (held.size() < 300 && random.chance(55)) {
        Held one{{random.below(kKeys), KeyKind::kIpv4}, static_cast<uint16_t>(random.below(3)), random.chance(50)};
        const uint64_t hash = hash_of(one.key, Falls::kApart);
        if (live.acquire(one.key, hash, one.backend)) firsts.fetch_add(1);
        if (one.established) live.establish(one.key, hash, one.backend);
        if (!live.any(one.key, hash)) FAIL("not counted");
        if (one.established && !live.established_on(one.key, hash, one.backend)) FAIL("not established");
        held.push_back(one);
      } else if (!held.empty()) {
        release(random.below(held.size()));
      }
    }
    while (!held.empty()) release(held.size() - 1);
  });
  CHECK_EQUAL(firsts.load(), lasts.load());
  CHECK(firsts.load() > 0);
  for (uint64_t value = 0; value < kKeys; value++) {
    const AffinityKey key{value, KeyKind::kIpv4};
    CHECK_EQUAL(live.count(key, hash_of(key, Falls::kApart)), 0U);
  }
}

TEST_MAIN
