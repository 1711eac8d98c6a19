// The stick table: what it says, for how long, and to whom.
#include "core/stick_table.h"

#include <map>
#include <set>

#include "support/tables.h"
#include "support/test.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kTtl = 60'000;
constexpr uint64_t kStart = 1'000'000;
// The clock of the slots wraps here, every 4.2 years.
constexpr uint64_t kWrapMs = (1ULL << 31) / 2 * 125;

void check_pin(const std::optional<StickTable::Found>& found, const Pin& pin) {
  if (!CHECK(found.has_value())) return;
  CHECK_EQUAL(found->pin.backend, pin.backend);
  CHECK_EQUAL(found->pin.generation, pin.generation);
  CHECK_EQUAL(found->pin.away, pin.away);
  CHECK_EQUAL(found->pin.provisional, pin.provisional);
}

}  // namespace

TEST("a pin comes back as it was stored, with or without the lock") {
  Table table(100, kTtl);
  Random random;
  for (unsigned i = 0; i < 100; i++) {
    const AffinityKey key = ipv4_key(random.next());
    const Pin pin{static_cast<uint16_t>(random.below(kMaxPinBackend + 1)),
                  static_cast<uint16_t>(random.below(kGenerations)), random.chance(50), random.chance(50)};
    table.store(key, pin, kStart);
    check_pin(table.find(key, kStart), pin);
    check_pin(table.find_locked(key, kStart), pin);
  }
  const Pin most{kMaxPinBackend, kGenerations - 1, true, true};
  table.store(ipv4_key(1), most, kStart);
  check_pin(table.find(ipv4_key(1), kStart), most);
}

TEST("keys of one value and several kinds are apart") {
  Table table(100, kTtl);
  for (const KeyKind kind : {KeyKind::kIpv4, KeyKind::kIpv6, KeyKind::kHashed}) {
    table.store({42, kind}, {static_cast<uint16_t>(kind), 0}, kStart);
  }
  for (const KeyKind kind : {KeyKind::kIpv4, KeyKind::kIpv6, KeyKind::kHashed}) {
    check_pin(table.find({42, kind}, kStart), {static_cast<uint16_t>(kind), 0});
  }
  CHECK(!table.find({43, KeyKind::kIpv4}, kStart));
}

TEST("the key of value 0 is a key like others, in a table of free slots") {
  Table table(100, kTtl);
  for (const KeyKind kind : {KeyKind::kIpv4, KeyKind::kIpv6, KeyKind::kHashed}) {
    CHECK(!table.find({0, kind}, kStart));
    table.store({0, kind}, {0, 0}, kStart);
    check_pin(table.find({0, kind}, kStart), {0, 0});
  }
  CHECK_EQUAL(table.table.entries(), size_t{3});
}

TEST("storing again replaces, erasing removes") {
  Table table(100, kTtl);
  CHECK_EQUAL(table.store(ipv4_key(1), {5, 1}, kStart), Stored::kFree);
  CHECK_EQUAL(table.store(ipv4_key(1), {6, 2, true, false}, kStart), Stored::kFree);
  check_pin(table.find(ipv4_key(1), kStart), {6, 2, true, false});
  CHECK_EQUAL(table.table.entries(), size_t{1});
  table.erase(ipv4_key(1));
  CHECK(!table.find(ipv4_key(1), kStart));
  table.erase(ipv4_key(1));
  CHECK_EQUAL(table.table.entries(), size_t{0});
}

TEST("an entry lives for its ttl, and not a quarter of a second longer") {
  for (const uint64_t ttl : {uint64_t{1}, uint64_t{62}, uint64_t{63}, uint64_t{1'000}, kTtl, StickTable::kMaxTtlMs}) {
    for (uint64_t start = kStart; start < kStart + 130; start += 7) {
      Table table(100, ttl);
      table.store(ipv4_key(1), {5, 1}, start);
      CHECK(table.find(ipv4_key(1), start + ttl).has_value());
      CHECK(table.find_locked(ipv4_key(1), start + ttl).has_value());
      CHECK(!table.find(ipv4_key(1), start + ttl + kTtlSlackMs));
      CHECK(!table.find_locked(ipv4_key(1), start + ttl + kTtlSlackMs));
      CHECK(table.list(100, start + ttl + kTtlSlackMs).empty());
    }
  }
}

TEST("use starts the ttl anew") {
  Table table(100, kTtl);
  table.store(ipv4_key(1), {5, 1}, kStart);
  table.store(ipv4_key(2), {5, 1}, kStart);
  table.refresh(ipv4_key(1), kStart + 50'000);
  table.visit(ipv4_key(2), kStart + 50'000);
  for (const uint64_t number : {1ULL, 2ULL}) {
    CHECK(table.find(ipv4_key(number), kStart + 50'000 + kTtl).has_value());
    CHECK(!table.find(ipv4_key(number), kStart + 50'000 + kTtl + kTtlSlackMs));
  }
  // Not that of an entry that is not there.
  table.refresh(ipv4_key(3), kStart);
  table.visit(ipv4_key(3), kStart);
  CHECK(!table.find(ipv4_key(3), kStart));
  CHECK_EQUAL(table.table.entries(), size_t{2});
}

TEST("a live session keeps its pin beyond the ttl; the ttl counts from its end") {
  Table table(100, kTtl);
  const AffinityKey key = ipv4_key(1);
  table.store(key, {5, 1}, kStart);
  table.hold(key);
  const uint64_t later = kStart + 10 * kTtl;
  check_pin(table.find(key, later), {5, 1});
  check_pin(table.find_locked(key, later), {5, 1});
  CHECK(table.find(key, later)->expires_in_ms < 0);
  CHECK_EQUAL(table.list(10, later).size(), size_t{1});
  table.let_go(key);
  CHECK(!table.find(key, later));
  table.refresh(key, later);
  check_pin(table.find(key, later + kTtl), {5, 1});
}

TEST("idle_ms and expires_in_ms tell the age to a tick") {
  Table table(100, kTtl);
  table.store(ipv4_key(1), {5, 1}, kStart);
  for (const uint64_t age : {0ULL, 100ULL, 10'000ULL, 59'000ULL}) {
    const auto found = table.find(ipv4_key(1), kStart + age);
    REQUIRE(found.has_value());
    CHECK_WITHIN(found->idle_ms + 63, age, age + 126);
    CHECK_WITHIN(found->expires_in_ms, static_cast<int64_t>(kTtl - age),
                 static_cast<int64_t>(kTtl - age + kTtlSlackMs));
  }
}

TEST("visits are counted to three and halved for each quarter of the ttl") {
  Table table(100, kTtl);
  const auto visits = [&](uint64_t now_ms) {
    const auto found = table.find(ipv4_key(1), now_ms);
    return found ? static_cast<int>(found->visits) : -1;
  };
  table.store(ipv4_key(1), {5, 1}, kStart);
  CHECK_EQUAL(visits(kStart), 0);
  for (const int wanted : {1, 2, 3, 3}) {
    table.visit(ipv4_key(1), kStart);
    CHECK_EQUAL(visits(kStart), wanted);
  }
  CHECK_EQUAL(visits(kStart + kTtl / 4 - 200), 3);
  CHECK_EQUAL(visits(kStart + kTtl / 4 + 200), 1);
  CHECK_EQUAL(visits(kStart + kTtl / 2 + 200), 0);
  CHECK_EQUAL(visits(kStart + kTtl - 200), 0);
  // A visit counts from what is left.
  table.visit(ipv4_key(1), kStart + kTtl / 4 + 200);
  CHECK_EQUAL(visits(kStart + kTtl / 4 + 200), 2);
  // A session that ends was here all the time: nothing ages.
  table.refresh(ipv4_key(1), kStart + kTtl);
  CHECK_EQUAL(visits(kStart + kTtl), 2);
}

TEST("a thread whose clock is behind sees the pins of others, and evicts none of them") {
  // Workers read the clock once for a batch of events, and it may be the next tick elsewhere.
  for (const uint64_t behind : {1ULL, 5ULL, 62ULL, 63ULL, 100ULL, 1'000ULL}) {
    for (uint64_t now = kStart; now < kStart + 130; now += 9) {
      Table table(11, kTtl);  // two buckets: every entry is a candidate
      for (uint64_t i = 0; i < 11; i++) {
        table.store(ipv4_key(i), {5, 1}, now);
        table.visit(ipv4_key(i), now);
      }
      const uint64_t early = now - behind;
      CHECK(table.find(ipv4_key(1), early).has_value());
      CHECK(table.find_locked(ipv4_key(1), early).has_value());
      CHECK_EQUAL(table.find(ipv4_key(1), early).value_or(StickTable::Found{}).visits, uint8_t{1});
      CHECK(table.find(ipv4_key(1), early).value_or(StickTable::Found{{}, 0, kTtl, 0}).idle_ms <= 63);
      CHECK_EQUAL(table.store(ipv4_key(99), {6, 1}, early), Stored::kRejected);
      CHECK_EQUAL(table.list(100, early).size(), size_t{11});
    }
  }
}

TEST("the clock's wrap changes nothing") {
  for (const uint64_t before : {30'000ULL, 100ULL, 1ULL, 0ULL}) {
    Table table(100, kTtl);
    const uint64_t start = kWrapMs - before;
    table.store(ipv4_key(1), {5, 1}, start);
    table.visit(ipv4_key(1), start);
    check_pin(table.find(ipv4_key(1), start + kTtl / 5), {5, 1});
    CHECK_EQUAL(table.find(ipv4_key(1), start + kTtl / 5)->visits, uint8_t{1});
    CHECK(table.find(ipv4_key(1), start + kTtl).has_value());
    CHECK(!table.find(ipv4_key(1), start + kTtl + kTtlSlackMs));
  }
}

TEST("a long jump of the clock expires everything") {
  for (const uint64_t jump : {kTtl + kTtlSlackMs, 10 * kTtl, kWrapMs / 4, kWrapMs / 2, kWrapMs - 2 * kTtl}) {
    Table table(100, kTtl);
    for (uint64_t i = 0; i < 50; i++) table.store(ipv4_key(i), {5, 1}, kStart);
    for (uint64_t i = 0; i < 50; i++) CHECK(!table.find(ipv4_key(i), kStart + jump));
    CHECK(table.list(10, kStart + jump).empty());
    // New entries take the slots of the old ones.
    for (uint64_t i = 100; i < 200; i++) table.store(ipv4_key(i), {6, 1}, kStart + jump);
    CHECK(table.list(10, kStart + jump).size() >= 98);
  }
}

TEST("list gives every entry once, with its key, whatever the portions") {
  Table table(5'000, kTtl);
  Random random;
  std::map<std::pair<uint64_t, KeyKind>, Pin> stored;
  while (stored.size() < 4'000) {
    const auto kind = static_cast<KeyKind>(random.between(1, 3));
    const AffinityKey key{kind == KeyKind::kIpv4 ? random.next() >> 32 : random.next(), kind};
    const Pin pin{static_cast<uint16_t>(random.below(kMaxPinBackend)),
                  static_cast<uint16_t>(random.below(kGenerations)), random.chance(50), random.chance(50)};
    if (table.store(key, pin, kStart) == Stored::kFree) stored[{key.value, key.kind}] = pin;
  }
  for (const size_t most : {size_t{1}, size_t{7}, size_t{100}, size_t{100'000}}) {
    const auto listed = table.list(most, kStart);
    CHECK_EQUAL(listed.size(), stored.size());
    std::set<std::pair<uint64_t, KeyKind>> seen;
    for (const auto& [key, found] : listed) {
      const auto at = stored.find({key.value, key.kind});
      REQUIRE(at != stored.end());
      CHECK(seen.insert(at->first).second);
      check_pin(found, at->second);
    }
  }
  CHECK_EQUAL(table.table.entries(), stored.size());
}

TEST("clear empties the table") {
  Table table(1'000, kTtl);
  for (uint64_t i = 0; i < 900; i++) table.store(ipv4_key(i), {5, 1}, kStart);
  table.table.clear();
  CHECK_EQUAL(table.table.entries(), size_t{0});
  for (uint64_t i = 0; i < 900; i++) CHECK(!table.find(ipv4_key(i), kStart));
  CHECK_EQUAL(table.store(ipv4_key(1), {6, 1}, kStart), Stored::kFree);
}

TEST("forget_backend drops the pins of that index, of every generation, and no others") {
  Table table(1'000, kTtl);
  for (uint16_t i = 0; i < 300; i++) {
    table.store(ipv4_key(i), {static_cast<uint16_t>(i % 3), static_cast<uint16_t>(i)}, kStart);
  }
  const size_t before = table.table.entries();
  table.table.forget_backend(1);
  for (uint16_t i = 0; i < 300; i++) CHECK_EQUAL(table.find(ipv4_key(i), kStart).has_value(), i % 3 != 1);
  CHECK_EQUAL(table.table.entries(), before - 100);
}

TEST("sampled pins are those of the buckets that were looked at, without what has expired and is not in use") {
  Table table(1'000, kTtl);
  for (uint16_t i = 0; i < 600; i++) table.store(ipv4_key(i), {static_cast<uint16_t>(i % 3), 1}, kStart);
  std::map<uint16_t, unsigned> pins;
  const auto count = [&](const Pin& pin) { pins[pin.backend]++; };
  CHECK_EQUAL(table.table.sample_pins(UINT32_MAX, kStart, count), table.table.buckets());
  for (uint16_t i = 0; i < 3; i++) CHECK_EQUAL(pins[i], 200U);

  pins.clear();
  const uint32_t half = table.table.buckets() / 2;
  CHECK_EQUAL(table.table.sample_pins(half, kStart, count), half);
  CHECK(pins[0] + pins[1] + pins[2] > 200);
  CHECK(pins[0] + pins[1] + pins[2] < 400);

  pins.clear();
  table.hold(ipv4_key(7));
  table.table.sample_pins(UINT32_MAX, kStart + 2 * kTtl, count);
  CHECK_EQUAL(pins.size(), size_t{1});
  CHECK_EQUAL(pins[1], 1U);
  table.let_go(ipv4_key(7));
}

TEST("at most 24 bytes an entry of the configured size") {
  for (const size_t size : {size_t{1'000}, size_t{10'000}, size_t{1'000'000}}) {
    const Table table(size, kTtl);
    CHECK(table.table.bytes() <= 24 * size);
    CHECK_EQUAL(table.table.size(), size);
  }
}

TEST("the smallest tables work") {
  for (size_t size = 1; size < 30; size++) {
    Table table(size, kTtl);
    REQUIRE(table.table.usable());
    for (uint64_t i = 0; i < 100; i++) {
      const Stored stored = table.store(ipv4_key(i), {static_cast<uint16_t>(i), 1}, kStart);
      // Past two buckets a key may find both of its own full before the table is.
      const bool room = i < size && (size <= 11 || stored == Stored::kFree);
      CHECK_EQUAL(stored, room ? Stored::kFree : Stored::kEvictedHome);
      check_pin(table.find(ipv4_key(i), kStart), {static_cast<uint16_t>(i), 1});
      CHECK(table.table.entries() <= std::min<size_t>(i + 1, size));
    }
  }
}

TEST_MAIN
