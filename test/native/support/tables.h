// Stick tables for tests.
#pragma once

#include <optional>

#include "core/stick_table.h"
#include "support/random.h"

namespace limpet::test {

// 62.5 ms, in halves of a millisecond so that it is a whole number.
inline constexpr uint64_t kTickHalfMs = 125;
// What rounding to ticks may add to a ttl.
inline constexpr uint64_t kTtlSlackMs = 125;

inline AffinityKey ipv4_key(uint64_t number) { return {number & 0xffffffffULL, KeyKind::kIpv4}; }

// A table with its live keys, and calls that take a key only.
class Table {
 public:
  Table(size_t size, uint64_t ttl_ms, uint64_t secret = 1)
      : live(64), table(size, ttl_ms, make_secret(secret), &live) {}

  Stored store(const AffinityKey& key, const Pin& pin, uint64_t now_ms, bool visit = false) {
    return StickTable::Locked(table, key, table.hash(key)).store(pin, now_ms, visit);
  }
  void visit(const AffinityKey& key, uint64_t now_ms) {
    StickTable::Locked(table, key, table.hash(key)).refresh(now_ms, true);
  }
  void refresh(const AffinityKey& key, uint64_t now_ms) { table.refresh(key, table.hash(key), now_ms); }
  void erase(const AffinityKey& key) { StickTable::Locked(table, key, table.hash(key)).erase(); }
  std::optional<StickTable::Found> find(const AffinityKey& key, uint64_t now_ms) const {
    return table.find(key, table.hash(key), now_ms);
  }
  std::optional<StickTable::Found> find_locked(const AffinityKey& key, uint64_t now_ms) {
    return StickTable::Locked(table, key, table.hash(key)).find(now_ms);
  }
  void hold(const AffinityKey& key) { live.acquire(key, table.hash(key), 1); }
  void let_go(const AffinityKey& key) { live.release(key, table.hash(key), 1, false); }
  std::vector<StickTable::Listed> list(size_t most, uint64_t now_ms) const {
    std::vector<StickTable::Listed> all;
    for (uint32_t cursor = 0; cursor < table.buckets();) {
      const auto part = table.list(cursor, most, now_ms);
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }

  LiveKeys live;
  StickTable table;
};

}  // namespace limpet::test
