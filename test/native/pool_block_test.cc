// `ipv6Prefix: auto`: the /64s of one /56 have one home, and follow each other where they are not at home.
#include <list>
#include <map>
#include <set>

#include "support/pools.h"

using namespace limpet;
using namespace limpet::test;

namespace {

constexpr unsigned kBackends = 8;

PoolOptions automatic(PoolOptions options = {}) {
  options.ipv6_auto = true;
  return options;
}

// The /64 of this number of the block.
AffinityKey subnet(uint64_t block, uint8_t number) { return {mix64(block) << 8 | number, KeyKind::kIpv6}; }

struct BlockPool : TestPool {
  explicit BlockPool(const PoolOptions& options = {}, unsigned backends = kBackends) : TestPool(automatic(options)) {
    add_equal(backends);
  }
  std::string home(const AffinityKey& key) { return pool.roster().home(pool.place_hash(key))->backend->name; }
  // A session that stays.
  Seat& come(const AffinityKey& key) {
    Seat& seat = held.emplace_back();
    CHECK_EQUAL(pool.pick(thread, key, seat, now_ms), PickStatus::kOk);
    confirm(seat);
    return seat;
  }
  std::string visit(const AffinityKey& key) {
    Seat seat;
    if (pool.pick(thread, key, seat, now_ms) != PickStatus::kOk) return "-";
    confirm(seat);
    const std::string name = seat.backend->name;
    release(seat);
    return name;
  }
  void down(const std::string& name) {
    set(name, 1, 0, BackendState::kDown);
    pool.publish();
  }
  void up(const std::string& name) {
    set(name);
    pool.publish();
  }
  std::string block_pin(const AffinityKey& key) {
    const RosterEntry* const entry = pool.block_pin(key, now_ms);
    return entry ? entry->backend->name : "";
  }
  std::list<Seat> held;
};

}  // namespace

TEST("the /64s of a /56 have the home of ipv6Prefix: 56, and each its own pin") {
  BlockPool pool;
  TestPool wide;
  wide.add_equal(kBackends);
  std::set<std::string> homes;
  for (uint64_t block = 0; block < 200; block++) {
    const AffinityKey first = subnet(block, 0);
    const std::string home = pool.home(first);
    homes.insert(home);
    CHECK_EQUAL(home, wide.pool.roster().home(wide.pool.place_hash(first))->backend->name);
    for (unsigned number = 1; number < 256; number += 51) {
      CHECK_EQUAL(pool.home(subnet(block, static_cast<uint8_t>(number))), home);
    }
  }
  CHECK_EQUAL(homes.size(), size_t{kBackends});
  pool.visit(subnet(1, 1));
  pool.visit(subnet(1, 2));
  CHECK_EQUAL(pool.pool.table()->entries(), size_t{2});
}

TEST("keys that are no /64 have homes of their own") {
  BlockPool pool;
  TestPool plain;
  plain.add_equal(kBackends);
  for (uint64_t number = 0; number < 200; number++) {
    for (const KeyKind kind : {KeyKind::kIpv4, KeyKind::kHashed}) {
      const AffinityKey key{number, kind};
      CHECK_EQUAL(pool.pool.place_hash(key), plain.pool.place_hash(key));
    }
  }
}

TEST("a subscriber that was sent elsewhere stays there with its next /64s") {
  BlockPool pool;
  const std::string home = pool.home(subnet(1, 0));
  pool.down(home);
  const std::string other = pool.visit(subnet(1, 0));
  CHECK(other != home);
  pool.up(home);
  for (unsigned number = 1; number < 256; number++) {
    pool.now_ms += kTtlMs / 4;
    const AffinityKey key = subnet(1, static_cast<uint8_t>(number));
    CHECK_EQUAL(pool.block_pin(key), other);
    CHECK_EQUAL(pool.visit(key), other);
  }
  CHECK_EQUAL(pool.visit(subnet(2, 0)), pool.home(subnet(2, 0)));
  pool.check_empty();
}

TEST("the pin of a block lasts for a ttl after the last of its sessions that are not at home") {
  BlockPool pool;
  const std::string home = pool.home(subnet(1, 0));
  pool.down(home);
  Seat& stays = pool.come(subnet(1, 0));
  const std::string other = stays.backend->name;
  pool.up(home);
  pool.now_ms += 3 * kTtlMs;
  pool.release(stays);
  CHECK_EQUAL(pool.block_pin(subnet(1, 1)), other);
  pool.now_ms += 2 * kTtlMs;
  CHECK_EQUAL(pool.block_pin(subnet(1, 1)), "");
  CHECK_EQUAL(pool.visit(subnet(1, 1)), home);
}

TEST("who is at home needs no pin of its block, and takes one away that there was") {
  BlockPool pool;
  const std::string home = pool.home(subnet(1, 0));
  pool.visit(subnet(1, 0));
  CHECK_EQUAL(pool.block_pin(subnet(1, 1)), "");
  pool.down(home);
  const std::string other = pool.visit(subnet(1, 1));
  pool.up(home);
  CHECK_EQUAL(pool.block_pin(subnet(1, 2)), other);
  pool.set(other, 1, 0, BackendState::kDrain);
  pool.pool.publish();
  CHECK_EQUAL(pool.block_pin(subnet(1, 2)), "");
  CHECK_EQUAL(pool.visit(subnet(1, 2)), home);
  pool.up(other);
  CHECK_EQUAL(pool.block_pin(subnet(1, 3)), "");
  CHECK_EQUAL(pool.visit(subnet(1, 1)), other);
}

TEST("the pin of a block obeys the bound, a client's own does not") {
  BlockPool pool({.bound_milli = 1000}, 2);
  const std::string home = pool.home(subnet(1, 0));
  pool.down(home);
  const std::string other = pool.come(subnet(1, 0)).backend->name;
  pool.up(home);
  CHECK_EQUAL(pool.block_pin(subnet(1, 1)), other);
  CHECK_EQUAL(pool.come(subnet(1, 1)).backend->name, home);
  CHECK_EQUAL(pool.come(subnet(1, 0)).backend->name, other);
  CHECK_EQUAL(pool.come(subnet(1, 0)).backend->name, other);
}

TEST("a pin that is taken away takes that of its block along") {
  BlockPool pool;
  const std::string home = pool.home(subnet(1, 0));
  pool.down(home);
  const std::string other = pool.visit(subnet(1, 0));
  pool.up(home);
  CHECK_EQUAL(pool.block_pin(subnet(1, 0)), other);
  CHECK(pool.pool.erase_pin(subnet(1, 0), pool.now_ms));
  CHECK_EQUAL(pool.visit(subnet(1, 0)), home);
  CHECK_EQUAL(pool.pool.table()->entries(), size_t{1});
}

TEST("where clients go home again, so does who comes with another /64") {
  BlockPool pool({.return_home = ReturnHome::kNextConnect});
  const std::string home = pool.home(subnet(1, 0));
  pool.down(home);
  CHECK(pool.visit(subnet(1, 0)) != home);
  pool.up(home);
  CHECK_EQUAL(pool.block_pin(subnet(1, 1)), "");
  CHECK_EQUAL(pool.visit(subnet(1, 1)), home);
  CHECK_EQUAL(pool.visit(subnet(1, 0)), home);
}

TEST("a failed connect leaves no pin of a block") {
  BlockPool pool;
  const std::string home = pool.home(subnet(1, 0));
  pool.down(home);
  Seat seat;
  REQUIRE(pool.pool.pick(pool.thread, subnet(1, 0), seat, pool.now_ms) == PickStatus::kOk);
  pool.release(seat, true);
  CHECK_EQUAL(pool.block_pin(subnet(1, 1)), "");
  CHECK_EQUAL(pool.pool.table()->entries(), size_t{0});
}

TEST("a hot /64 is spread, keys of other kinds are not") {
  HotRules hot{500, 4};
  hot.ipv6_only = true;
  BlockPool pool({.hot = hot});
  for (uint64_t i = 0; i < 200; i++) pool.come(subnet(100 + i, 0));
  const AffinityKey ipv4{7, KeyKind::kIpv4};
  for (uint64_t i = 1; i <= 100; i++) {
    for (const AffinityKey& key : {subnet(1, 0), ipv4}) {
      Seat& seat = pool.held.emplace_back();
      REQUIRE(pool.pool.pick(pool.thread, key, seat, pool.now_ms, false, mix64(i)) == PickStatus::kOk);
      pool.confirm(seat);
    }
  }
  CHECK(pool.pool.is_spread(subnet(1, 0)));
  CHECK(!pool.pool.is_spread(subnet(1, 1)));
  CHECK(!pool.pool.is_spread(ipv4));
}

TEST("at random: homes are those of the blocks, who comes back finds its backend, and all is given back") {
  Random random(56);
  BlockPool pool({.bound_milli = 1100});
  std::map<uint64_t, std::string> pinned;
  for (unsigned step = 0; step < 20'000; step++) {
    if (random.chance(200)) {
      const std::string name = "b" + std::to_string(random.below(kBackends));
      pool.set(name, 1, 0, random.chance(2) ? BackendState::kDrain : BackendState::kReady);
      pool.pool.publish();
    }
    if (pool.held.size() > 60 || (random.chance(2) && !pool.held.empty())) {
      auto at = pool.held.begin();
      std::advance(at, static_cast<long>(random.below(pool.held.size())));
      pool.release(*at);
      pool.held.erase(at);
      continue;
    }
    const AffinityKey key = subnet(random.below(20), static_cast<uint8_t>(random.below(4)));
    CHECK_EQUAL(pool.home(key), pool.home({key.value & ~0xffULL, key.kind}));
    Seat& seat = pool.held.emplace_back();
    const PickStatus status = pool.pool.pick(pool.thread, key, seat, pool.now_ms, false);
    if (status != PickStatus::kOk) {
      pool.held.pop_back();
      continue;
    }
    pool.confirm(seat);
    const auto known = pinned.find(key.value);
    if (known != pinned.end() && !seat.leave_pin) CHECK_EQUAL(seat.backend->name, known->second);
    if (!seat.leave_pin) pinned[key.value] = seat.backend->name;
  }
  for (Seat& seat : pool.held) pool.release(seat);
  pool.check_empty();
}

TEST_MAIN
