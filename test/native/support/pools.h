// Pools for tests, and the bound as the documents state it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/pool.h"
#include "support/random.h"
#include "support/test.h"

namespace limpet::test {

inline constexpr uint64_t kStartMs = 10'000'000;
inline constexpr uint64_t kTtlMs = 60'000;

struct PoolOptions {
  uint32_t bound_milli = 1250;
  size_t table_size = 10'000;  // 0: off
  uint64_t secret = 1;
  PlacementKind kind = PlacementKind::kRendezvous;
  uint32_t ring_points = 160;
  KeyLimits limits{};
  uint32_t admit_per_second = 0;
  uint32_t max_sessions = 0;
  QueueRules queue{};
  ReturnHome return_home = ReturnHome::kNever;
  HotRules hot{};
  bool ipv6_auto = false;
};

inline PoolRules pool_rules(const PoolOptions& options) {
  PoolRules rules;
  rules.placement.kind = options.kind;
  rules.placement.ring_points = options.ring_points;
  rules.placement.secret = make_secret(options.secret);
  rules.keys.secret = make_secret(options.secret + 1000);
  rules.bound_milli = options.bound_milli;
  rules.table_size = options.table_size;
  rules.ttl_ms = kTtlMs;
  rules.table_secret = make_secret(options.secret + 2000);
  rules.session_hint = 100;
  rules.limits = options.limits;
  rules.admit_per_second = options.admit_per_second;
  rules.max_sessions = options.max_sessions;
  rules.queue = options.queue;
  rules.return_home = options.return_home;
  rules.hot = options.hot;
  rules.keys.ipv6_auto = options.ipv6_auto;
  return rules;
}

inline AffinityKey client(uint64_t number) { return {mix64(number), KeyKind::kIpv6}; }

// max(1, ceil(c · (m+1) · w / W)), with the division done.
inline uint64_t bound_of(uint64_t bound_milli, uint64_t sessions, uint64_t weight, uint64_t total_weight) {
  __extension__ using Wide = unsigned __int128;
  const Wide over = Wide{bound_milli} * (sessions + 1) * weight;
  const Wide under = Wide{1000} * total_weight;
  const auto seats = static_cast<uint64_t>((over + under - 1) / under);
  return seats == 0 ? 1 : seats;
}

// A pool with one thread that both publishes and picks.
class TestPool {
 public:
  explicit TestPool(const PoolOptions& options = {})
      : domain(std::make_shared<EpochDomain>()), pool(pool_rules(options), domain), thread(*domain) {}

  int64_t set(const std::string& name, uint32_t weight = 1, uint32_t max_sessions = 0,
              BackendState state = BackendState::kReady) {
    return pool.set_backend(name, {nullptr, weight, max_sessions, state});
  }
  // "b0", "b1" … of weight 1.
  void add_equal(unsigned count) {
    for (unsigned i = 0; i < count; i++) set("b" + std::to_string(i));
    pool.publish();
  }
  // What other balancers have, by name; the others have none.
  void tell(const std::map<std::string, uint32_t>& peers) {
    std::vector<uint32_t> by_index(pool.registry().indexes());
    pool.registry().each_staged([&](const Backend& backend) {
      const auto told = peers.find(backend.name);
      if (told != peers.end()) by_index[backend.index] = told->second;
    });
    pool.set_peer_sessions(by_index);
  }
  PickStatus pick(uint64_t number, Seat& seat) { return pool.pick(thread, client(number), seat, now_ms); }
  PickStatus pick_without_key(Seat& seat) { return pool.pick(thread, {}, seat, now_ms); }
  PickStatus redispatch(Seat& seat, bool local_failure = false) {
    return pool.redispatch(thread, seat, local_failure, now_ms);
  }
  void confirm(Seat& seat) { pool.confirm(thread, seat, now_ms); }
  void release(Seat& seat, bool failed = false) { pool.release(seat, failed, now_ms); }
  // A client that connects, and leaves again at once.
  std::string visit(uint64_t number) {
    Seat seat;
    if (pick(number, seat) != PickStatus::kOk) return "-";
    confirm(seat);
    const std::string name = seat.backend->name;
    release(seat);
    return name;
  }

  std::optional<StickTable::Found> found(uint64_t number) {
    const AffinityKey key = client(number);
    return pool.table()->find(key, pool.table()->hash(key), now_ms);
  }
  // Where the key is pinned to: `name`, with `?` behind while provisional; empty without a pin.
  std::string pin(uint64_t number) {
    const auto at = found(number);
    if (!at) return "";
    const RosterEntry* const entry = pool.roster().find(at->pin.backend, at->pin.generation);
    return (entry ? entry->backend->name : "gone") + (at->pin.provisional ? "?" : "");
  }
  const RosterEntry* entry(const std::string& name) {
    for (const RosterEntry& one : pool.roster().entries) {
      if (one.backend->name == name) return &one;
    }
    return nullptr;
  }
  uint32_t sessions(const std::string& name) {
    const RosterEntry* const one = entry(name);
    return one ? one->backend->sessions() : 0;
  }
  // Names of the key's whole order.
  std::vector<std::string> order(uint64_t number) {
    const Roster& roster = pool.roster();
    std::vector<std::string> names;
    for (const EntryIndex at : roster.order(pool.place_hash(client(number)))) {
      names.push_back(roster.entries[at].backend->name);
    }
    return names;
  }
  uint64_t counter(PoolCounter of) { return pool.counters()->sum(static_cast<unsigned>(of)); }
  // Nothing is held any more.
  void check_empty() {
    CHECK_EQUAL(pool.seats(), uint64_t{0});
    pool.registry().each([](const Backend& backend) { CHECK_EQUAL(backend.sessions(), 0U); });
  }

  uint64_t now_ms = kStartMs;
  std::shared_ptr<EpochDomain> domain;
  Pool pool;
  EpochThread thread;
};

}  // namespace limpet::test
