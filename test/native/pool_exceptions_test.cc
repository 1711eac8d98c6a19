// What a pool that shares its exceptions notes of them, and what it takes over from others.
#include <algorithm>
#include <map>

#include "support/five_pool.h"
#include "support/threads.h"

using namespace limpet;
using namespace limpet::test;

namespace {

using Kind = PinEvent::Kind;

// A pool whose exceptions are shared, and its events as words: `+b1`, `+b2<b1` (it was at b1), `-b1`.
struct Sharing : Five {
  explicit Sharing(uint32_t bound_milli = 0, size_t ring = 100) : Five(bound_milli) { pool.share_exceptions(ring); }

  std::string name(uint32_t backend) {
    const RosterEntry* const found =
        pool.roster().find(static_cast<uint16_t>(backend), static_cast<uint16_t>(backend >> 16));
    return found ? found->backend->name : "gone";
  }
  std::string events() {
    std::vector<PinEvent> taken(100);
    taken.resize(pool.exceptions()->take(taken));
    std::string words;
    for (const PinEvent& event : taken) {
      if (!words.empty()) words += ' ';
      words += (event.kind == Kind::kMade ? "+" : "-") + name(event.backend);
      if (event.before != PinEvent::kNobody) words += "<" + name(event.before);
    }
    return words;
  }
  Adopted adopt(uint64_t number, const std::string& backend, uint64_t ttl_ms = kTtlMs) {
    const Backend& to = *entry(backend)->backend;
    return pool.adopt(client(number), to.index, to.generation, ttl_ms, now_ms);
  }
  bool forget(uint64_t number, const std::string& backend) {
    const Backend& at = *entry(backend)->backend;
    return pool.forget(client(number), at.index, at.generation, now_ms);
  }
  bool set_pin(uint64_t number, const std::string& backend) {
    const Backend& to = *entry(backend)->backend;
    return pool.set_pin(client(number), to.index, to.generation, kTtlMs, now_ms).has_value();
  }
  // `name:seconds` of each, with a blank behind.
  std::string listed(const WantedExceptions& wanted = {}) {
    std::string names;
    for (uint32_t cursor = 0; cursor < pool.table()->buckets();) {
      pool.list_exceptions(cursor, 100, wanted, now_ms, [&](const Exception& one) {
        names += name(one.backend) + ":" + std::to_string(one.ttl_ms / 1000) + " ";
      });
    }
    return names;
  }
  // Homes as they are without a backend.
  OtherHomes without(const std::string& gone) {
    OtherHomes homes;
    std::vector<Member> members;
    for (const RosterEntry& one : pool.roster().entries) {
      if (one.backend->name == gone) continue;
      members.push_back({one.backend->name, 1, one.backend->identity()});
      homes.identities.push_back(one.backend->identity());
    }
    homes.placement = make_placement(pool.rules().placement, members, nullptr);
    return homes;
  }
  // The same of those that will be exceptions once that one is gone.
  std::string becoming(const std::string& gone, uint64_t idle_ms = UINT64_MAX) {
    const OtherHomes homes = without(gone);
    std::string names;
    for (uint32_t cursor = 0; cursor < pool.table()->buckets();) {
      pool.list_becoming(cursor, 100, idle_ms, homes, now_ms, [&](const Exception& one) {
        names += name(one.backend) + ":" + std::to_string(one.ttl_ms / 1000) + " ";
      });
    }
    return names;
  }
  void publish_as(const std::string& backend, BackendState state) {
    set(backend, 1, 0, state);
    pool.publish();
  }
};

}  // namespace

TEST("a pool that does not share notes nothing, and one without a table has nothing to share") {
  Five alone;
  CHECK(alone.pool.exceptions() == nullptr);
  TestPool tableless({.table_size = 0});
  tableless.pool.share_exceptions(10);
  CHECK(tableless.pool.exceptions() == nullptr);
}

TEST("a client at home is no exception") {
  Sharing pool;
  CHECK_EQUAL(pool.visit(1), pool.nth(0));
  CHECK_EQUAL(pool.events(), "");
  CHECK(pool.listed().empty());
}

TEST("a redispatched client is an exception from the moment in which its connect succeeds") {
  Sharing pool;
  Seat seat;
  pool.begin(seat);
  pool.fail(seat);
  CHECK_EQUAL(pool.events(), "");
  pool.confirm(seat);
  CHECK_EQUAL(pool.events(), "+" + pool.nth(1));
  pool.release(seat);
  CHECK_EQUAL(pool.events(), "");
  CHECK_EQUAL(pool.visit(1), pool.nth(1));
  CHECK_EQUAL(pool.events(), "");
}

TEST("an overflown client is one, too") {
  Sharing pool(1000);
  std::vector<Seat> seats(200);
  unsigned away = 0;
  for (uint64_t i = 0; i < seats.size(); i++) {
    pool.pick(i, seats[i]);
    pool.confirm(seats[i]);
    if (seats[i].backend->name != pool.order(i)[0]) away++;
  }
  std::vector<PinEvent> taken(200);
  CHECK(away > 0);
  CHECK_EQUAL(pool.pool.exceptions()->take(taken) + pool.pool.exceptions()->dropped(), size_t{away});
  for (Seat& seat : seats) pool.release(seat);
}

TEST("of an exception that moves it is told where it was; one that goes home has ended") {
  Sharing pool;
  pool.publish_as(pool.nth(0), BackendState::kDown);
  pool.visit(1);
  CHECK_EQUAL(pool.events(), "+" + pool.nth(1));
  pool.publish_as(pool.nth(1), BackendState::kDown);
  Seat seat;
  pool.begin(seat);
  CHECK_EQUAL(pool.events(), "");
  pool.confirm(seat);
  CHECK_EQUAL(pool.events(), "+" + pool.nth(2) + "<" + pool.nth(1));
  pool.release(seat);
  pool.publish_as(pool.nth(0), BackendState::kReady);
  pool.begin(seat);
  CHECK_EQUAL(pool.fail(seat), pool.nth(0));
  pool.confirm(seat);
  CHECK_EQUAL(pool.events(), "-" + pool.nth(2));
  pool.release(seat);
}

TEST("a try that fails, and all of whose connects do, ends no exception") {
  Sharing pool;
  pool.set_pin(1, pool.nth(2));
  pool.events();
  Seat seat;
  pool.begin(seat);
  pool.fail(seat);
  pool.release(seat, true);
  CHECK_EQUAL(pool.pin(1), pool.nth(2));
  CHECK_EQUAL(pool.events(), "");
}

TEST("one that is pinned home has ended, as has one that is erased") {
  Sharing pool;
  CHECK(pool.set_pin(1, pool.nth(2)));
  CHECK_EQUAL(pool.events(), "+" + pool.nth(2));
  CHECK(pool.set_pin(1, pool.nth(1)));
  CHECK_EQUAL(pool.events(), "+" + pool.nth(1) + "<" + pool.nth(2));
  CHECK(pool.set_pin(1, pool.nth(0)));
  CHECK_EQUAL(pool.events(), "-" + pool.nth(1));
  CHECK(pool.pool.erase_pin(client(1), pool.now_ms));
  CHECK_EQUAL(pool.events(), "");
  CHECK(pool.set_pin(1, pool.nth(2)));
  pool.events();
  CHECK(pool.pool.erase_pin(client(1), pool.now_ms));
  CHECK_EQUAL(pool.events(), "-" + pool.nth(2));
  CHECK(pool.set_pin(1, pool.nth(2)));
  pool.events();
  for (uint32_t cursor = 0; cursor < pool.pool.table()->buckets();) pool.pool.erase_pins(cursor, nullptr);
  CHECK_EQUAL(pool.events(), "-" + pool.nth(2));
}

TEST("a learnt key is an exception unless its session is at its home") {
  Sharing pool;
  Seat seat;
  pool.begin(seat);
  pool.confirm(seat);
  unsigned away = 0;
  for (uint64_t i = 100; i < 150; i++) {
    pool.pool.learn(pool.thread, client(i), seat, pool.now_ms);
    if (pool.order(i)[0] != seat.backend->name) away++;
  }
  std::vector<PinEvent> taken(100);
  CHECK_EQUAL(pool.pool.exceptions()->take(taken), size_t{away});
  CHECK(away > 10 && away < 50);
  pool.release(seat);
}

TEST("an adopted pin is followed, and nobody is told of it") {
  Sharing pool;
  CHECK_EQUAL(pool.adopt(1, pool.nth(3)), Adopted::kStored);
  CHECK_EQUAL(pool.adopt(1, pool.nth(3)), Adopted::kSame);
  CHECK_EQUAL(pool.visit(1), pool.nth(3));
  CHECK_EQUAL(pool.events(), "");
}

TEST("sessions that live are not moved by one that is adopted") {
  Sharing pool;
  Seat seat;
  pool.begin(seat);
  pool.confirm(seat);
  CHECK_EQUAL(pool.adopt(1, pool.nth(3)), Adopted::kLives);
  CHECK_EQUAL(pool.pin(1), pool.nth(0));
  pool.release(seat);
  CHECK_EQUAL(pool.adopt(1, pool.nth(3)), Adopted::kStored);
  CHECK_EQUAL(pool.pin(1), pool.nth(3));
}

TEST("an adopted pin lasts as long as it is told, and longer when told again") {
  Sharing pool;
  pool.adopt(1, pool.nth(3), 10'000);
  pool.now_ms += 9'000;
  CHECK_EQUAL(pool.pin(1), pool.nth(3));
  pool.adopt(1, pool.nth(3), 10'000);
  pool.adopt(1, pool.nth(3), 2'000);
  pool.now_ms += 9'000;
  CHECK_EQUAL(pool.pin(1), pool.nth(3));
  pool.now_ms += 2'000;
  CHECK_EQUAL(pool.pin(1), "");
}

TEST("one that was ended elsewhere is forgotten by compare, unless sessions live by it") {
  Sharing pool;
  pool.adopt(1, pool.nth(3));
  CHECK(!pool.forget(1, pool.nth(2)));
  Seat seat;
  pool.begin(seat);
  CHECK(!pool.forget(1, pool.nth(3)));
  pool.confirm(seat);
  pool.release(seat);
  CHECK(pool.forget(1, pool.nth(3)));
  CHECK_EQUAL(pool.pin(1), "");
  CHECK_EQUAL(pool.events(), "");
}

TEST("the list has exceptions by the roster of now") {
  Sharing pool;
  pool.visit(1);
  CHECK(pool.listed().empty());
  const std::string name = pool.nth(0);
  // Another home: what was at home is away.
  pool.set(name, 0);
  pool.pool.publish();
  CHECK_EQUAL(pool.listed(), name + ":60 ");
  pool.set(name, 1);
  pool.pool.publish();
  CHECK(pool.listed().empty());
}

TEST("the list can leave out what was idle for long, and what others made") {
  Sharing pool;
  pool.adopt(1, pool.nth(3));
  pool.set_pin(2, pool.order(2)[2]);
  CHECK_EQUAL(std::ranges::count(pool.listed(), ' '), 2);
  CHECK_EQUAL(pool.listed({.adopted = false}), pool.order(2)[2] + ":60 ");
  pool.now_ms += 20'000;
  CHECK(pool.listed({.idle_ms = 10'000}).empty());
  // Its session makes it one's own.
  Seat seat;
  pool.begin(seat);
  CHECK_EQUAL(pool.listed({.idle_ms = 10'000, .adopted = false}), pool.nth(3) + ":60 ");
  pool.confirm(seat);
  pool.release(seat);
  CHECK_EQUAL(pool.listed({.idle_ms = 10'000, .adopted = false}), pool.nth(3) + ":60 ");
}

TEST("those that will be exceptions are at home now, and will not be") {
  Sharing pool;
  const std::string home = pool.nth(0);
  pool.visit(1);
  CHECK_EQUAL(pool.becoming(home), home + ":60 ");
  CHECK(pool.becoming(pool.nth(1)).empty());
  // Who is an exception already was told.
  CHECK(pool.set_pin(1, pool.nth(2)));
  CHECK(pool.becoming(home).empty());
  // Who has not come for long is left out, unless a session lives.
  CHECK(pool.set_pin(1, home));
  pool.now_ms += 20'000;
  CHECK(pool.becoming(home, 10'000).empty());
  Seat seat;
  pool.begin(seat);
  CHECK_EQUAL(pool.becoming(home, 10'000), home + ":60 ");
  pool.confirm(seat);
  pool.release(seat);
}

TEST("a pick whose connect has not succeeded will be none") {
  Sharing pool;
  Seat seat;
  pool.begin(seat);
  CHECK(pool.becoming(pool.nth(0)).empty());
  pool.confirm(seat);
  CHECK_EQUAL(pool.becoming(pool.nth(0)), pool.nth(0) + ":60 ");
  pool.release(seat);
}

TEST("those of others that will be exceptions are told by the others") {
  Sharing pool;
  const std::string home = pool.nth(0);
  pool.adopt(1, home);
  CHECK(pool.becoming(home).empty());
  pool.visit(1);
  CHECK_EQUAL(pool.becoming(home), home + ":60 ");
}

TEST("while others have other homes, what is an exception there is noted, too, and its end") {
  Sharing pool;
  const std::string home = pool.nth(0);
  pool.pool.share_beside(std::make_unique<OtherHomes>(pool.without(home)));
  CHECK_EQUAL(pool.visit(1), home);
  CHECK_EQUAL(pool.events(), "+" + home);
  CHECK_EQUAL(pool.visit(1), home);
  CHECK_EQUAL(pool.events(), "");
  CHECK(pool.pool.erase_pin(client(1), pool.now_ms));
  CHECK_EQUAL(pool.events(), "-" + home);
  pool.pool.share_beside(nullptr);
  CHECK_EQUAL(pool.visit(1), home);
  CHECK_EQUAL(pool.events(), "");
}

TEST("the ring keeps the newest, in order, and counts the others") {
  ExceptionRing ring(4);
  for (uint32_t i = 0; i < 10; i++) ring.push({client(i), i, PinEvent::kNobody, Kind::kMade});
  CHECK_EQUAL(ring.waiting(), size_t{4});
  CHECK_EQUAL(ring.dropped(), uint64_t{6});
  PinEvent some[3];
  CHECK_EQUAL(ring.take(some), size_t{3});
  CHECK_EQUAL(some[0].backend, 6U);
  CHECK_EQUAL(some[2].backend, 8U);
  CHECK_EQUAL(ring.take(some), size_t{1});
  CHECK_EQUAL(some[0].backend, 9U);
  CHECK_EQUAL(ring.take(some), size_t{0});
  CHECK_EQUAL(ring.dropped(), uint64_t{6});
}

TEST("threads push while one takes: each event is taken once, in the order of its thread, or counted as dropped") {
  constexpr unsigned kWriters = 4;
  constexpr uint32_t kEach = 20'000;
  ExceptionRing ring(256);
  std::atomic<unsigned> done{0};
  uint64_t taken = 0;
  bool in_order = true;
  run_threads(kWriters + 1, [&](unsigned number) {
    if (number < kWriters) {
      for (uint32_t i = 0; i < kEach; i++) ring.push({client(number), i, number, Kind::kMade});
      done.fetch_add(1);
      return;
    }
    std::map<uint32_t, int64_t> last;
    PinEvent some[100];
    for (bool is_over = false; !is_over;) {
      is_over = done.load() == kWriters;
      while (const size_t count = ring.take(some)) {
        for (size_t i = 0; i < count; i++) {
          const auto [at, is_new] = last.try_emplace(some[i].before, -1);
          if (at->second >= int64_t{some[i].backend}) in_order = false;
          at->second = some[i].backend;
        }
        taken += count;
      }
    }
  });
  CHECK(in_order);
  CHECK_EQUAL(taken + ring.dropped(), uint64_t{kWriters} * kEach);
}

TEST("threads pick, adopt and forget the same keys: the seats come out even") {
  constexpr unsigned kThreads = 4;
  Sharing pool(1250, 1000);
  const auto& roster = pool.pool.roster();
  run_threads(kThreads, [&](unsigned number) {
    Pool::Thread thread(*pool.domain);
    for (uint64_t i = 0; i < 3'000; i++) {
      const EpochGuard guard(thread);
      const AffinityKey key = client(i % 50);
      const Backend& to = *roster.entries[(i + number) % roster.entries.size()].backend;
      if (number == 0) {
        pool.pool.adopt(key, to.index, to.generation, kTtlMs, kStartMs);
        pool.pool.forget(client((i + 25) % 50), to.index, to.generation, kStartMs);
        if (i % 100 == 0) pool.pool.share_beside(std::make_unique<OtherHomes>(pool.without(to.name)));
        continue;
      }
      Seat seat;
      if (pool.pool.pick(thread, key, seat, kStartMs) != PickStatus::kOk) continue;
      if (i % 3 == 0) pool.pool.redispatch(thread, seat, false, kStartMs);
      if (seat.backend) pool.pool.confirm(thread, seat, kStartMs);
      pool.pool.release(seat, !seat.backend, kStartMs);
    }
  });
  pool.check_empty();
}

TEST_MAIN
