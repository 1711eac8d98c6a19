// Who has to go when the stick table is full, and who stays.
#include <algorithm>

#include "support/tables.h"
#include "support/test.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr uint64_t kTtl = 60'000;
constexpr uint64_t kNow = 10'000'000;

// In the order in which they go. The last are no victims.
enum class Class { kExpired, kHome, kAway, kAged, kFresh };

Stored eviction(Class of) {
  constexpr Stored kStored[] = {Stored::kEvictedExpired, Stored::kEvictedHome, Stored::kEvictedAway,
                                Stored::kEvictedAged, Stored::kRejected};
  return kStored[static_cast<size_t>(of)];
}

struct Resident {
  Class of;
  bool live;
  bool gone = false;
};

void settle(Table& table, uint64_t number, const Resident& resident) {
  const AffinityKey key = ipv4_key(number);
  // Nobody has expired yet when the last one settles.
  const uint64_t ago = resident.of == Class::kExpired ? kTtl + 200 : resident.of == Class::kAged ? kTtl * 3 / 5 : 1'000;
  table.store(key, {static_cast<uint16_t>(number), 1, resident.of == Class::kAway}, kNow - ago);
  if (resident.of == Class::kAged || resident.of == Class::kFresh) table.visit(key, kNow - ago);
  if (resident.live) table.hold(key);
}

// Two buckets, so that every entry is a candidate of every newcomer.
constexpr uint64_t kTwoBuckets = 11;

// What the next newcomer must cause; `room` counts the places of the expired, who all go when the first one comes.
Stored expected(const std::vector<Resident>& residents, size_t expired, size_t room) {
  if (room > 0) return room == expired ? Stored::kEvictedExpired : Stored::kFree;
  Class next = Class::kFresh;
  for (const Resident& resident : residents) {
    if (!resident.gone && !resident.live && resident.of != Class::kExpired) next = std::min(next, resident.of);
  }
  return eviction(next);
}

void displace(Random& random, uint64_t secret) {
  Table table(kTwoBuckets, kTtl, secret);
  std::vector<Resident> residents;
  size_t expired = 0;
  for (uint64_t i = 0; i < kTwoBuckets; i++) {
    residents.push_back({static_cast<Class>(random.below(5)), random.chance(20)});
    expired += residents.back().of == Class::kExpired && !residents.back().live;
  }
  // The clock does not go back: those who came first come first.
  for (const Class of : {Class::kExpired, Class::kAged, Class::kHome, Class::kAway, Class::kFresh}) {
    for (uint64_t i = 0; i < kTwoBuckets; i++) {
      if (residents[i].of == of) settle(table, i, residents[i]);
    }
  }
  size_t room = expired;
  for (uint64_t newcomer = 100; newcomer < 100 + kTwoBuckets + 2; newcomer++) {
    const Stored wanted = expected(residents, expired, room);
    if (!CHECK_EQUAL(table.store(ipv4_key(newcomer), {77, 1}, kNow), wanted)) return;
    if (room > 0) room--;
    CHECK(table.table.entries() <= kTwoBuckets);
    CHECK_EQUAL(table.find(ipv4_key(newcomer), kNow).has_value(), wanted != Stored::kRejected);
    table.hold(ipv4_key(newcomer));  // so that it is no victim of the next one
    size_t left = 0;
    for (uint64_t i = 0; i < kTwoBuckets; i++) {
      Resident& resident = residents[i];
      if (resident.gone || (resident.of == Class::kExpired && !resident.live)) continue;
      if (table.find(ipv4_key(i), kNow)) continue;
      CHECK(!resident.live && eviction(resident.of) == wanted);
      resident.gone = true;
      left++;
    }
    const bool displaced =
        wanted == Stored::kEvictedHome || wanted == Stored::kEvictedAway || wanted == Stored::kEvictedAged;
    CHECK_EQUAL(left, displaced ? size_t{1} : size_t{0});
  }
}

size_t found_of(const Table& table, uint64_t first, uint64_t count, uint64_t now_ms) {
  size_t found = 0;
  for (uint64_t i = first; i < first + count; i++) found += table.find(ipv4_key(i), now_ms).has_value();
  return found;
}

}  // namespace

TEST("victims: expired, at home, away, aged; never a visited one or one with a live session") {
  Random random;
  for (uint64_t round = 0; round < rounds(2'000, 50'000) && failures == 0; round++) displace(random, round % 8);
}

TEST("among equal victims the one that expires first goes") {
  Random random(7);
  for (const Class of : {Class::kHome, Class::kAway, Class::kAged}) {
    Table table(kTwoBuckets, kTtl);
    std::vector<uint64_t> came(kTwoBuckets);  // by age: the client that came i-th
    for (uint64_t i = 0; i < kTwoBuckets; i++) came[i] = i;
    for (uint64_t i = kTwoBuckets - 1; i > 0; i--) std::swap(came[i], came[random.below(i + 1)]);
    const uint64_t began = kNow - kTtl * 3 / 4;
    for (uint64_t i = 0; i < kTwoBuckets; i++) {
      table.store(ipv4_key(came[i]), {1, 1, of == Class::kAway}, began + i * 200);
      if (of == Class::kAged) table.visit(ipv4_key(came[i]), began + i * 200);
    }
    for (uint64_t i = 0; i < kTwoBuckets; i++) {
      CHECK_EQUAL(table.store(ipv4_key(100 + i), {1, 1}, kNow), eviction(of));
      table.hold(ipv4_key(100 + i));
      for (uint64_t k = 0; k < kTwoBuckets; k++) CHECK_EQUAL(table.find(ipv4_key(came[k]), kNow).has_value(), k > i);
    }
  }
}

TEST("at its size the table has lost at most 0.1 % to conflicts") {
  const uint64_t size = rounds(200'000, 1'000'000);
  Table table(size, kTtl);
  for (uint64_t i = 0; i < size; i++) table.store(ipv4_key(i), {1, 1}, kNow);
  const size_t found = found_of(table, 0, size, kNow);
  CHECK(found >= size - size / 1000);
  CHECK(found <= table.table.entries() && table.table.entries() <= size);
}

TEST("a spray of ten times the size leaves the clients that came twice") {
  for (const uint64_t share : {50ULL, 100ULL}) {
    constexpr uint64_t kSize = 10'000;
    const uint64_t residents = kSize * share / 100;
    Table table(kSize, kTtl);
    for (uint64_t i = 0; i < residents; i++) table.store(ipv4_key(i), {static_cast<uint16_t>(i), 1}, kNow);
    size_t came = 0;
    for (uint64_t i = 0; i < residents; i++) {
      came += table.find(ipv4_key(i), kNow + 2'000).has_value();
      table.visit(ipv4_key(i), kNow + 2'000);
    }
    CHECK(came >= residents - residents / 500);
    // Within a quarter of the ttl: after that a client that came twice long ago is no better than a new one.
    uint64_t rejected = 0;
    for (uint64_t i = 0; i < 10 * kSize; i++) {
      const uint64_t now = kNow + 2'000 + i * (kTtl / 5) / (10 * kSize);
      rejected += table.store(ipv4_key(1'000'000 + i), {9, 1}, now) == Stored::kRejected;
      if (i % 97 == 0) CHECK(table.table.entries() <= kSize);
    }
    const size_t kept = found_of(table, 0, residents, kNow + 2'000 + kTtl / 5);
    CHECK(kept * 100 >= came * 99);
    // None of them was displaced at all: they are not victims.
    CHECK_EQUAL(kept, came);
    if (share == 100) CHECK(rejected > 8 * kSize);
  }
}

TEST("clients that keep coming back stay through a spray that outlasts the ttl") {
  constexpr uint64_t kSize = 4'000;
  constexpr uint64_t kClients = 2'000;
  Table table(kSize, kTtl);
  for (uint64_t i = 0; i < kClients; i++) table.store(ipv4_key(i), {1, 1}, kNow);
  uint64_t now = kNow;
  uint64_t returns = 0;
  uint64_t hits = 0;
  uint64_t sprayed = 0;
  // Each client returns every eighth of the ttl; the spray is ten times the size in each ttl.
  for (uint64_t turn = 0; turn < 8 * rounds(4, 20); turn++) {
    for (uint64_t i = 0; i < kClients; i++) {
      if (turn > 0) {
        returns++;
        hits += table.find(ipv4_key(i), now).has_value();
        table.visit(ipv4_key(i), now);
      }
      // From their second visit on: before it they are newcomers like any other.
      for (unsigned more = 0; turn > 1 && more < 10 * kSize / 8 / kClients; more++) {
        table.store(ipv4_key(10'000'000 + sprayed++), {9, 1}, now + i * (kTtl / 8) / kClients);
      }
    }
    now += kTtl / 8;
  }
  CHECK(hits * 100 >= returns * 99);
}

TEST("no spray displaces an entry with a live session, though it came once and long ago") {
  constexpr uint64_t kSize = 4'000;
  Table table(kSize, kTtl);
  for (uint64_t i = 0; i < 500; i++) {
    REQUIRE(table.store(ipv4_key(i), {static_cast<uint16_t>(i), 1}, kNow) == Stored::kFree);
    table.hold(ipv4_key(i));
  }
  for (uint64_t i = 0; i < 10 * kSize; i++) table.store(ipv4_key(1'000'000 + i), {9, 1}, kNow + i * 10);
  CHECK_EQUAL(found_of(table, 0, 500, kNow + 10 * kSize * 10), size_t{500});
}

TEST("dead entries do not keep new ones out") {
  constexpr uint64_t kSize = 20'000;
  Table table(kSize, kTtl);
  for (uint64_t wave = 0; wave < 4; wave++) {
    const uint64_t now = kNow + wave * 2 * kTtl;
    for (uint64_t i = 0; i < kSize; i++) table.store(ipv4_key(wave * 1'000'000 + i), {1, 1}, now);
    const size_t found = found_of(table, wave * 1'000'000, kSize, now);
    CHECK_WITHIN(found, kSize - kSize / 500, kSize);
    CHECK(table.table.entries() <= kSize);
  }
}

TEST("a rejected key is not in the table, and a replaced one never rejected") {
  constexpr uint64_t kSize = 11;
  Table table(kSize, kTtl);
  for (uint64_t i = 0; i < kSize; i++) {
    table.store(ipv4_key(i), {1, 1}, kNow);
    table.visit(ipv4_key(i), kNow);
  }
  CHECK_EQUAL(table.store(ipv4_key(100), {2, 1}, kNow), Stored::kRejected);
  CHECK(!table.find(ipv4_key(100), kNow));
  for (uint64_t i = 0; i < kSize; i++) CHECK_EQUAL(table.store(ipv4_key(i), {3, 1}, kNow), Stored::kFree);
  CHECK_EQUAL(found_of(table, 0, kSize, kNow), size_t{kSize});
}

TEST_MAIN
